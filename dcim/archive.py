"""The backup file: a tar whose last line is the SHA-256 of every byte before it.

Any tar program lists and unpacks it. The line after the tar's end covers what tar itself does not
check, padding and headers included, so that no flipped bit goes unnoticed.
"""

import contextlib
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

FORMAT = "jifang.backup/1"
MANIFEST = "manifest.json"
MARK = b"\njifang-sha256 "
TRAILER_SIZE = len(MARK) + 64 + 1
CHUNK = 1 << 20


class BackupError(RuntimeError):
    """A backup cannot be made, read or restored; the text says why."""


@dataclass(frozen=True)
class FileEntry:
    name: str  # relative, with forward slashes
    bytes: int
    sha256: str


@dataclass(frozen=True)
class TableEntry:
    """What a table held: rows, and the SHA-256 of its rows as COPY writes them, in key order."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    created_at: str  # ISO 8601, UTC
    revision: str | None  # of the schema; None where the database was never migrated
    server_version: str
    keys_id: str  # names the key file that belongs to this backup
    tables: Mapping[str, TableEntry]
    files: tuple[FileEntry, ...]

    def to_json(self) -> bytes:
        document = {"format": FORMAT, **asdict(self)}
        return json.dumps(document, indent=1, sort_keys=True).encode("utf-8")

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        document: dict[str, Any] = json.loads(text)
        if document.pop("format", None) != FORMAT:
            raise BackupError("This backup was written in a form this version does not know.")
        document["tables"] = {k: TableEntry(**v) for k, v in document["tables"].items()}
        document["files"] = tuple(FileEntry(**entry) for entry in document["files"])
        return cls(**document)


class _DigestingWriter(io.RawIOBase):
    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self.target.write(data)


def digest_file(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def describe(path: Path, name: str) -> FileEntry:
    return FileEntry(name, path.stat().st_size, digest_file(path))


def write_archive(target: Path, manifest: Manifest, sources: Mapping[str, Path]) -> None:
    """Write the archive; `sources` gives the file behind each name of the manifest.

    It appears under its name complete or not at all, readable by its owner only.
    """
    partial = target.with_name(target.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            writer = _DigestingWriter(handle)
            with tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                text = manifest.to_json()
                _add(tar, MANIFEST, len(text), io.BytesIO(text))
                for entry in manifest.files:
                    with sources[entry.name].open("rb") as source:
                        _add(tar, entry.name, entry.bytes, source)
            handle.write(MARK + writer.digest.hexdigest().encode("ascii") + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, name: str, size: int, source: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    tar.addfile(info, source)


def check_archive(archive: Path) -> None:
    """Raise BackupError unless every byte is as it was written."""
    try:
        with archive.open("rb") as handle:
            left = handle.seek(0, os.SEEK_END) - TRAILER_SIZE
            handle.seek(max(left, 0))
            trailer = handle.read()
            handle.seek(0)
            digest = hashlib.sha256()
            while left > 0 and (chunk := handle.read(min(CHUNK, left))):
                digest.update(chunk)
                left -= len(chunk)
    except OSError as error:
        raise BackupError(f"{archive} cannot be read: {error.strerror}.") from error
    if trailer != MARK + digest.hexdigest().encode("ascii") + b"\n":
        raise BackupError(
            f"{archive} is damaged or incomplete: its SHA-256 is not the one written at its end."
        )


@contextlib.contextmanager
def open_archive(archive: Path) -> Iterator[tuple[Manifest, tarfile.TarFile]]:
    """The manifest and the tar behind it, checked as a whole."""
    check_archive(archive)
    with tarfile.open(archive, mode="r:") as tar:
        member = tar.extractfile(MANIFEST)
        if member is None:
            raise BackupError(f"{archive} has no manifest.")
        yield Manifest.from_json(member.read()), tar


def unpack(tar: tarfile.TarFile, entry: FileEntry, target: Path) -> None:
    """Write one file of the archive to `target` (0600) and compare it with the manifest."""
    source = tar.extractfile(entry.name)
    if source is None:
        raise BackupError(f"The backup lacks the file {entry.name} of its manifest.")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            handle.write(chunk)
    if digest.hexdigest() != entry.sha256:
        raise BackupError(f"{entry.name} of the backup is not the file that was saved.")
