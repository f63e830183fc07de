"""The wall clock of one program, which a test may set while it runs; the seconds that pass are left alone."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from halo_sandbox.services.processes import NotInstalledError


class WallClock:
    """A clock on the wall of whoever is started with this environment; needs libfaketime."""

    def __init__(self, file: Path) -> None:
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            raise NotInstalledError("libfaketime is not installed: apt-get install libfaketime")
        self._file = file
        self.set_by(timedelta())
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set_by(self, span: timedelta) -> None:
        """Let it differ by so much from the machine's."""
        part = self._file.with_suffix(".new")
        part.write_text(f"{span.total_seconds():+.0f}", encoding="utf-8")
        part.replace(self._file)  # whole, since it may be read at any moment
