"""What was received, on disk between the decoder and the database: a folder of the spool.

A file is what came in a fraction of a second; it is whole and synced before anything in it is
answered, and removed once it is in the database. Recording it twice is the same as once. When the
folder is full the newest are dropped, and counted: what was acknowledged stays.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from dcim.whole_files import UNFINISHED, write_whole

log = structlog.get_logger(__name__)

_DAMAGED = ".damaged"
# So many files set aside are kept for people to look at, in so much of the folder's limit: they
# must not crowd out what waits.
_MOST_DAMAGED = 20
_SHARE_DAMAGED = 0.1
# Whatever a file holds takes whole blocks of the disk, octets.
_BLOCK = 4_096


class SpoolFullError(RuntimeError):
    """Nothing more can be kept; the message says why."""


@dataclass(slots=True)
class Spool:
    """One folder, of one receiver; its files' names end in `suffix`."""

    folder: Path
    limit_octets: int
    suffix: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def put(self, content: bytes) -> None:
        """On disk on return. Raises SpoolFullError, whatever the disk says."""
        at_ms, number = time.time_ns() // 1_000_000, next(self._numbers)
        name = f"{at_ms:015d}-{os.getpid()}-{number:09d}{self.suffix}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.taken() + _room(len(content)) > self.limit_octets:
                raise SpoolFullError(f"its limit of {self.limit_octets} bytes is reached")
            write_whole(self.folder, name, content)
        except OSError as error:
            raise SpoolFullError(error.strerror or type(error).__name__) from error

    def taken(self) -> int:
        """Octets of the disk that all that lies here takes."""
        total = 0
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    total += _room(entry.stat(follow_symlinks=False).st_size)
        return total

    def waiting(self) -> list[Path]:
        """Files to be recorded, oldest first."""
        return sorted(self.folder.glob(f"*{self.suffix}"))

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path, why: str) -> None:
        """Keep a file that can't be recorded for people to look at; it blocks nothing any more."""
        log.error("a spooled file is set aside", file=path.name, why=why)
        with suppress(FileNotFoundError):
            path.rename(path.with_name(path.name + _DAMAGED))
        self._thin_out()

    def put_aside(self, path: Path, refused: bytes) -> None:
        """Keep what of a file the database refuses, instead of the whole of it."""
        log.error("of a spooled file some is refused", file=path.name)
        name = path.name + _DAMAGED
        try:
            (self.folder / (name + UNFINISHED)).unlink(missing_ok=True)
            write_whole(self.folder, name, refused)
        except OSError as error:
            self.set_aside(path, error.strerror or type(error).__name__)
            return
        self.remove(path)
        self._thin_out()

    def _thin_out(self) -> None:
        left = self.limit_octets * _SHARE_DAMAGED
        for number, path in enumerate(sorted(self.folder.glob(f"*{_DAMAGED}"), reverse=True)):
            left -= _room(path.stat().st_size)
            if number >= _MOST_DAMAGED or left < 0:
                path.unlink(missing_ok=True)

    def sweep_out(self) -> None:
        """Delete what a receiver that died left unfinished; call it before anything is put."""
        for path in self.folder.glob(f"*{self.suffix}*{UNFINISHED}"):
            path.unlink(missing_ok=True)


def _room(octets: int) -> int:
    return -(-octets // _BLOCK) * _BLOCK
