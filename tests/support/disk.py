"""A disk so small that a test can fill it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import Final

from halo_sandbox.services.processes import NotInstalledError

SIZE: Final = "8m"
PIECE: Final = b"\0" * 4096


class SmallDisk:
    """A file system of its own at a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room at all."""
        try:
            with self._filler.open("ab", buffering=0) as filler:
                while True:
                    filler.write(PIECE)
        except OSError as error:
            if error.errno != ENOSPC:
                raise

    def make_room(self) -> None:
        """Take away what filled it."""
        self._filler.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A small disk at this folder, until the block ends; raises NotInstalledError where none may be mounted."""
    if os.geteuid() != 0:
        raise NotInstalledError("mounting a small disk needs root: run these tests as root")
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        raise NotInstalledError(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
