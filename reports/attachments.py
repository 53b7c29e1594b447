"""Files that travel inside a statement's PDF, and the JSON bytes the statement itself becomes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STATEMENT_NAME = "statement.json"
RELATIONSHIPS = frozenset({"Source", "Data", "Alternative", "Supplement", "Unspecified"})


class AttachmentError(ValueError):
    """Two attachments share a name, or one takes the statement's own."""


@dataclass(frozen=True)
class Attachment:
    """A file to embed. relationship: an AFRelationship of ISO 32000-2, 7.11.3."""

    name: str
    data: bytes
    media_type: str
    description: str = ""
    relationship: str = "Data"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def canonical_bytes(statement: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8, one newline at the end: the bytes attached and hashed.

    Raises ValueError on NaN or infinity, TypeError on what JSON has no form for.
    """
    text = json.dumps(
        statement, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return text.encode() + b"\n"


def with_statement(
    statement: Mapping[str, Any], attachments: Sequence[Attachment]
) -> list[Attachment]:
    """The attachments and the statement's JSON, sorted by name as a PDF name tree demands."""
    files = [
        *attachments,
        Attachment(
            STATEMENT_NAME,
            canonical_bytes(statement),
            "application/json",
            "The frozen statement: every figure printed here",
            "Source",
        ),
    ]
    names = [file.name for file in files]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise AttachmentError(f"attached twice: {', '.join(doubled)}")
    unknown = sorted({file.relationship for file in files} - RELATIONSHIPS)
    if unknown:
        raise AttachmentError(f"no such relationship: {', '.join(unknown)}")
    return sorted(files, key=lambda file: file.name.encode())


def manifest_sha256(manifest: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 over the canonical JSON of the manifest, printed on the statement."""
    return hashlib.sha256(
        json.dumps(
            list(manifest), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()
    ).hexdigest()


def content_identifier(files: Sequence[Attachment]) -> str:
    """32 hex digits from names and contents: the PDF's file identifier, the same for the same."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{len(file.name.encode())}:{file.name}:{file.sha256}\n".encode())
    return digest.hexdigest()[:32]
