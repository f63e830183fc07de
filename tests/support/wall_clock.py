"""The wall clock of one program, which a test may set while it runs; the seconds that pass are left alone."""

import struct
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from halo_sandbox.services import processes

SOURCE: Final = Path(__file__).with_suffix(".c")


class WallClock:
    """A clock on the wall of whoever is started with this environment; raises NotInstalledError without a compiler."""

    def __init__(self, folder: Path, name: str) -> None:
        library = folder / "wall_clock.so"
        if not library.exists():
            compiler = processes.need("gcc", "gcc libc6-dev")
            processes.run((compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE)), folder=folder)
        self._file = folder / f"{name}.clock"
        self._file.write_bytes(bytes(8))
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "WALL_CLOCK": str(self._file)}

    def set_by(self, span: timedelta) -> None:
        """Let it differ by so much from the machine's, from this moment on."""
        with self._file.open("r+b") as shared:  # in its place: the program has it in its memory
            shared.write(struct.pack("=q", round(span.total_seconds())))
