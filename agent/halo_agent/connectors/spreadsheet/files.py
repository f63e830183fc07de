"""Which files make up the table, and whether they are still the same."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from halo_shared.errors import (
    HaloIntegratorError,
    IncompleteRead,
    PermissionMissing,
    SettingsInvalid,
    SourceUnavailable,
)

SUFFIXES: Final = (".csv", ".xlsx")
_IN_USE: Final = (32, 33)  # Windows: sharing violation, lock violation
_PATTERN: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Version:
    """What changes when a file does."""

    inode: int
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the table, as it was when it was found."""

    path: Path
    label: str
    """What messages call it: the name, with the folder when several folders are read."""
    version: Version


def find(path: str) -> tuple[SourceFile, ...]:
    """The files that this path stands for, in the order of their names."""
    try:
        paths = sorted(_matching(path))
        if not paths:
            raise SourceUnavailable(
                f"There is no file to read at {path}: it must be a {' or '.join(SUFFIXES)} file, "
                "a folder or pattern with such files, and its drive or share must be connected."
            )
        common = os.path.commonpath([file.parent for file in paths])
        return tuple(SourceFile(file, file.relative_to(common).as_posix(), _version(file)) for file in paths)
    except OSError as error:
        raise refusal(path, error) from error


def prove_unchanged(path: str, files: Collection[SourceFile]) -> None:
    """Raises IncompleteRead when any of these was changed, added or taken away since it was found."""
    changed = sorted({file.label for file in set(find(path)) ^ set(files)})
    if changed:
        raise IncompleteRead(
            f"Changed while it was read: {', '.join(changed)}. Run the integration again when "
            "whatever writes there has finished."
        )


@contextmanager
def reading(file: SourceFile) -> Iterator[BinaryIO]:
    """The open file; whatever the system refuses becomes an error that says what to do."""
    if not file.version.size:
        raise SourceUnavailable(f"{file.label} is empty: is it still being written?")
    try:
        with file.path.open("rb") as raw:
            yield raw
    except OSError as error:
        raise refusal(str(file.path), error) from error


def refusal(path: str, error: OSError) -> HaloIntegratorError:
    """What the system's error means for a person who wants this file read."""
    if getattr(error, "winerror", None) in _IN_USE:
        return SourceUnavailable(f"{path} is locked: another program has it open.")
    if isinstance(error, PermissionError):
        return PermissionMissing(
            f"The agent may not read {path}: give the account that it runs as the right to read it."
        )
    return SourceUnavailable(f"{path} cannot be read: {error.strerror or error}.")


def _matching(path: str) -> list[Path]:
    given = Path(path)
    if given.is_dir():
        return [file for file in given.iterdir() if _is_table(file)]
    if given.exists():
        if given.suffix.lower() not in SUFFIXES:
            raise SettingsInvalid(
                f"path: {path} is neither {' nor '.join(SUFFIXES)}; save it as one of these."
            )
        return [given]
    if _PATTERN.isdisjoint(path):
        return []
    root = Path(given.anchor)
    return [file for file in root.glob(str(given.relative_to(root))) if _is_table(file)]


def _is_table(file: Path) -> bool:
    hidden = file.name.startswith((".", "~$"))  # ~$: Excel's mark that someone has the workbook open
    return file.suffix.lower() in SUFFIXES and not hidden and file.is_file()


def _version(file: Path) -> Version:
    status = file.stat()
    return Version(status.st_ino, status.st_size, status.st_mtime_ns)
