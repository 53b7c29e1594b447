"""Reading the log of shifts; for staff."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.registration import require_staff
from dcim.errors import NotFoundError
from dcim.handovers.models import HandoverItem, HandoverNote, ShiftHandover
from dcim.paging import FIRST_PAGE, Page, Paging, contains, fetch_page


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """`items` is what was open at `given_at`, see `freezing.freeze_open`."""

    id: int
    given_at: dt.datetime
    given_by: str
    meant_for: str
    notes: str
    items: dict[str, object]
    taken_at: dt.datetime | None
    taken_by: str
    giver_id: int


@dataclass(frozen=True, slots=True)
class HandoverItemRow:
    id: int
    handover_id: int
    text: str
    entered_at: dt.datetime
    entered_by: str
    ticked_at: dt.datetime | None
    ticked_by: str
    outcome: str


@dataclass(frozen=True, slots=True)
class HandoverNoteRow:
    id: int
    at: dt.datetime
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class HandoverFilter:
    """Given in [since, until); `text` stands in notes, items, later notes or a person's name."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    waiting: bool = False
    text: str = ""


def list_handovers(
    session: Session,
    scope: Scope,
    wanted: HandoverFilter = HandoverFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[HandoverRow]:
    """Newest first. Two statements."""
    require_staff(scope)
    statement = _select()
    if wanted.since is not None:
        statement = statement.where(ShiftHandover.given_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(ShiftHandover.given_at < wanted.until)
    if wanted.waiting:
        statement = statement.where(ShiftHandover.taken_at.is_(None))
    if wanted.text:
        like = contains(wanted.text)
        columns = (
            ShiftHandover.notes,
            ShiftHandover.given_by,
            ShiftHandover.meant_for,
            ShiftHandover.taken_by,
        )
        statement = statement.where(
            or_(
                *(column.ilike(like, escape="\\") for column in columns),
                exists().where(
                    HandoverItem.handover_id == ShiftHandover.id,
                    HandoverItem.text.ilike(like, escape="\\"),
                ),
                exists().where(
                    HandoverNote.handover_id == ShiftHandover.id,
                    HandoverNote.text.ilike(like, escape="\\"),
                ),
            )
        )
    statement = statement.order_by(ShiftHandover.given_at.desc(), ShiftHandover.id.desc())
    return fetch_page(session, HandoverRow, statement, paging)


def find_handover(session: Session, scope: Scope, handover_id: int) -> HandoverRow:
    """Raises NotFoundError."""
    require_staff(scope)
    row = session.execute(_select().where(ShiftHandover.id == handover_id)).one_or_none()
    if row is None:
        raise NotFoundError("No such handover.")
    return HandoverRow(**row._mapping)


def list_items(
    session: Session, scope: Scope, handover_id: int | None = None
) -> list[HandoverItemRow]:
    """Those entered with a handover; without one all that are still open."""
    require_staff(scope)
    statement = _select_items().order_by(HandoverItem.id)
    if handover_id is None:
        statement = statement.where(HandoverItem.ticked_at.is_(None))
    else:
        statement = statement.where(HandoverItem.handover_id == handover_id)
    return [HandoverItemRow(**row._mapping) for row in session.execute(statement)]


def find_item(session: Session, scope: Scope, item_id: int) -> HandoverItemRow:
    """Raises NotFoundError."""
    require_staff(scope)
    row = session.execute(_select_items().where(HandoverItem.id == item_id)).one_or_none()
    if row is None:
        raise NotFoundError("No such item.")
    return HandoverItemRow(**row._mapping)


def list_notes(session: Session, scope: Scope, handover_id: int) -> list[HandoverNoteRow]:
    """Oldest first."""
    require_staff(scope)
    rows = session.execute(
        select(HandoverNote.id, HandoverNote.at, HandoverNote.actor, HandoverNote.text)
        .where(HandoverNote.handover_id == handover_id)
        .order_by(HandoverNote.id)
    )
    return [HandoverNoteRow(**row._mapping) for row in rows]


def _select() -> Any:
    return select(*(getattr(ShiftHandover, name) for name in HandoverRow.__dataclass_fields__))


def _select_items() -> Any:
    return select(*(getattr(HandoverItem, name) for name in HandoverItemRow.__dataclass_fields__))
