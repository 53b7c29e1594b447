"""Files that are whole once they have their name, and then survive a loss of power."""

import os
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".unfinished"


def write_whole(folder: Path, name: str, octets: bytes) -> None:
    """Write to a temporary name beside it, sync, rename, and sync the folder. Raises OSError."""
    unfinished = folder / (name + UNFINISHED)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(folder / name)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise
    _sync(folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
