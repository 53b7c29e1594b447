"""Handing a shift over: one person gives it with what is open, another takes it by an own click.

What was given never changes; a correction is a new note. Items go from one handover to the next
until somebody ticks them off. All of it audited.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.registration import require_staff
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.handovers.freezing import freeze_open
from dcim.handovers.models import HandoverItem, HandoverNote, ShiftHandover

LONGEST_TEXT = 4000
# What a shift can leave to be done, the items carried on not counted.
MOST_ITEMS = 50


def hand_over(
    session: Session,
    scope: Scope,
    giver: User,
    meant_for: str,
    notes: str = "",
    items: Sequence[str] = (),
    now: dt.datetime | None = None,
) -> ShiftHandover:
    """Freeze what is open and leave it, with notes and new items, to somebody of the staff by
    their sign-in. Raises InvalidError for nobody and for oneself, ConflictError while one that
    the same person gave still waits."""
    require_staff(scope)
    now = now or utc_now()
    notes = _check_text(notes, "notes")
    texts = [text for item in items if (text := _check_text(item, "items"))]
    if len(texts) > MOST_ITEMS:
        raise InvalidError(
            "%(count)s new items at most.", {"items": ["too many"]}, count=MOST_ITEMS
        )
    taker = session.scalar(
        select(User).where(
            User.email == meant_for.strip()[:255], User.customer_id.is_(None), User.active
        )
    )
    if taker is None:
        raise InvalidError(
            "Nobody of the staff signs in as %(person)s.",
            {"meant_for": ["unknown"]},
            person=meant_for.strip()[:255],
        )
    if taker.id == giver.id:
        raise InvalidError(
            "A shift is handed over to somebody else.", {"meant_for": ["somebody else"]}
        )
    # Of two at once by the same person the second waits here for the first.
    session.execute(select(User.id).where(User.id == giver.id).with_for_update(key_share=True))
    waiting = session.scalar(
        select(ShiftHandover).where(
            ShiftHandover.giver_id == giver.id, ShiftHandover.taken_at.is_(None)
        )
    )
    if waiting is not None:
        raise ConflictError(
            "Your handover to %(who)s still waits to be taken over; add a note to it.",
            who=waiting.meant_for,
        )
    row = ShiftHandover(
        given_at=now,
        given_by=giver.email,
        giver_id=giver.id,
        meant_for_id=taker.id,
        meant_for=taker.email,
        notes=notes,
        items=freeze_open(session, scope, now),
    )
    session.add(row)
    session.flush()
    for text in texts:
        session.add(
            HandoverItem(handover_id=row.id, text=text, entered_at=now, entered_by=giver.email)
        )
    session.flush()
    record(
        session, scope, "handover.give", f"handover/{row.id}", to=taker.email, items=len(texts),
        alarms=row.items["alarms"]["total"],
    )  # fmt: skip
    return row


def take_over(
    session: Session, scope: Scope, taker: User, handover_id: int, now: dt.datetime | None = None
) -> ShiftHandover:
    """Anyone of the staff but the giver: whoever it was meant for may be ill. Raises NotFoundError,
    ForbiddenError for the giver, ConflictError when somebody has it."""
    row = _find(session, scope, handover_id)
    if row.taken_at is not None:
        raise ConflictError("%(who)s has taken it over already.", who=row.taken_by)
    if taker.id == row.giver_id:
        raise ForbiddenError("You handed it over; somebody else takes it over.")
    row.taken_at = max(now or utc_now(), row.given_at)
    row.taken_by, row.taker_id = taker.email, taker.id
    session.flush()
    record(
        session, scope, "handover.take", f"handover/{row.id}", given_by=row.given_by,
        meant_for=row.meant_for,
    )  # fmt: skip
    return row


def add_handover_note(
    session: Session, scope: Scope, handover_id: int, text: str, now: dt.datetime | None = None
) -> HandoverNote:
    """A correction too: what was given stays as it was. Raises NotFoundError, InvalidError without
    words."""
    row = _find(session, scope, handover_id)
    text = _check_text(text, "text")
    if not text:
        raise InvalidError("Write something.", {"text": ["missing"]})
    note = HandoverNote(handover_id=row.id, at=now or utc_now(), actor=scope.actor[:255], text=text)
    session.add(note)
    session.flush()
    record(session, scope, "handover.note", f"handover/{row.id}", text=text)
    return note


def tick_off(
    session: Session,
    scope: Scope,
    item_id: int,
    outcome: str = "",
    now: dt.datetime | None = None,
) -> HandoverItem:
    """It is carried on no more. Raises NotFoundError, ConflictError when somebody did."""
    require_staff(scope)
    row = session.scalar(
        select(HandoverItem)
        .where(HandoverItem.id == item_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError("No such item.")
    if row.ticked_at is not None:
        raise ConflictError("%(who)s has ticked it off already.", who=row.ticked_by)
    row.outcome = _check_text(outcome, "outcome")
    row.ticked_at, row.ticked_by = now or utc_now(), scope.actor[:255]
    session.flush()
    record(
        session, scope, "handover.tick-off", f"handover/{row.handover_id}", item=row.id,
        text=row.text, outcome=row.outcome,
    )  # fmt: skip
    return row


def _find(session: Session, scope: Scope, handover_id: int) -> ShiftHandover:
    require_staff(scope)
    row = session.scalar(
        select(ShiftHandover)
        .where(ShiftHandover.id == handover_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError("No such handover.")
    return row


def _check_text(text: str, name: str) -> str:
    text = text.strip().replace("\0", "")
    if len(text) > LONGEST_TEXT:
        raise InvalidError(
            "%(count)s characters at most.", {name: ["too long"]}, count=LONGEST_TEXT
        )
    return text
