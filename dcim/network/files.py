"""Letters of authorisation and other files that are handed in; hostile until judged."""

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import InvalidError, NotFoundError
from dcim.network.order_models import CrossConnect, CrossConnectFile, StoredFile

LARGEST = 10 * 1024 * 1024
# Of an order; photos belong to readings of meters.
KINDS = ("loa", "cfa", "other")
PICTURES = ("image/png", "image/jpeg")
# What a file begins with, its type, and how it is called when its own name says nothing.
MAGIC = (
    (b"%PDF-", "application/pdf", ".pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
)
UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\"<>|:*?\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class StoredFileRow:
    id: int
    kind: str
    name: str
    media_type: str
    size: int
    sha256: str
    expires_on: dt.date | None
    uploaded_by: str
    uploaded_at: dt.datetime


def judge_type(content: bytes) -> tuple[str, str] | None:
    """(media type, ending) by the first bytes; None for what isn't PDF, PNG or JPEG."""
    for magic, media_type, ending in MAGIC:
        if content.startswith(magic):
            return media_type, ending
    return None


def clean_name(name: str, ending: str) -> str:
    """The last part of a path, without what could mislead; it always ends in `ending`."""
    last = UNSAFE.sub("", re.split(r"[/\\]", name)[-1]).strip(" .")
    stem = last[: -len(ending)] if last.lower().endswith(ending) else last
    return (stem.strip(" .")[:200] or "file") + ending


def attach_file(
    session: Session,
    scope: Scope,
    order_id: int,
    *,
    name: str,
    content: bytes,
    kind: str = "loa",
    expires_on: dt.date | None = None,
    at: dt.datetime | None = None,
) -> StoredFile:
    """Keep a file with an order. `expires_on` is the first day on which it no longer counts.

    Raises NotFoundError for an order out of reach, InvalidError for a file that is empty, larger
    than 10 MB, or neither PDF, PNG nor JPEG whatever its name says.
    """
    order = session.scalar(
        scope.apply(
            select(CrossConnect).where(CrossConnect.id == order_id), CrossConnect.customer_id
        ).with_for_update()
    )
    if order is None:
        raise NotFoundError("No such cross-connect.")
    if kind not in KINDS:
        raise InvalidError("There is no such kind of file.", {"kind": ["unknown"]})
    file = keep_file(
        session,
        scope,
        order.customer_id,
        name=name,
        content=content,
        kind=kind,
        expires_on=expires_on,
        at=at,
    )
    session.add(
        CrossConnectFile(
            cross_connect_id=order.id, customer_id=order.customer_id, stored_file_id=file.id
        )
    )
    session.flush()
    record(
        session,
        scope,
        "cross_connect.attach",
        f"cross-connect/{order.id}",
        customer_id=order.customer_id,
        file=file.name,
        kind=kind,
        sha256=file.sha256,
        expires_on=expires_on,
    )
    return file


def keep_file(
    session: Session,
    scope: Scope,
    customer_id: int,
    *,
    name: str,
    content: bytes,
    kind: str,
    expires_on: dt.date | None = None,
    at: dt.datetime | None = None,
) -> StoredFile:
    """The bytes as they were handed in, as one customer's; whoever calls says what they belong to.

    Raises InvalidError for a file that is empty, larger than 10 MB, or of a type not taken.
    """
    if not content:
        raise InvalidError("The file is empty.", {"file": ["empty"]})
    if len(content) > LARGEST:
        raise InvalidError("A file may have at most 10 MB.", {"file": ["too large"]})
    found = judge_type(content)
    if kind == "photo" and (found is None or found[0] not in PICTURES):
        raise InvalidError("Only PNG and JPEG pictures are taken.", {"file": ["type"]})
    if found is None:
        raise InvalidError("Only PDF, PNG and JPEG files are taken.", {"file": ["type"]})
    media_type, ending = found
    file = StoredFile(
        customer_id=customer_id,
        kind=kind,
        name=clean_name(name, ending),
        media_type=media_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        expires_on=expires_on,
        uploaded_by=scope.actor,
        uploaded_at=at or utc_now(),
    )
    session.add(file)
    session.flush()
    return file


def list_files(session: Session, scope: Scope, order_id: int) -> list[StoredFileRow]:
    """An order's files, newest first; nothing for an order out of reach."""
    rows = session.scalars(
        select(StoredFile)
        .join(CrossConnectFile, CrossConnectFile.stored_file_id == StoredFile.id)
        .where(
            CrossConnectFile.cross_connect_id == order_id,
            scope.filter(CrossConnectFile.customer_id),
        )
        .order_by(StoredFile.id.desc())
    )
    return [
        StoredFileRow(
            one.id, one.kind, one.name, one.media_type, one.size, one.sha256, one.expires_on,
            one.uploaded_by, one.uploaded_at,
        )
        for one in rows
    ]  # fmt: skip


def read_file(session: Session, scope: Scope, file_id: int) -> StoredFile:
    """A file with its content. Raises NotFoundError for one that is absent or another's."""
    file = session.scalar(
        scope.apply(
            select(StoredFile).where(StoredFile.id == file_id).options(undefer(StoredFile.content)),
            StoredFile.customer_id,
        )
    )
    if file is None:
        raise NotFoundError("No such file.")
    return file


def describe_download() -> Iterable[tuple[str, str]]:
    """Headers that keep a browser from opening what somebody handed in."""
    return (
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("Cache-Control", "private, no-store"),
    )
