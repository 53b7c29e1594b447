"""Telling customers of planned work: each in its words, kept as sent, with the times it told."""

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import Deed, record_many
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.calendar import today_in
from dcim.customers.models import Contact
from dcim.errors import ConflictError, InvalidError
from dcim.notices.letters import Told as Letter
from dcim.notices.readers import Reader
from dcim.notices.telling import tell_people
from dcim.operations.maintenance import find_work, targets_of
from dcim.operations.models import NOTICE_CHANNELS, Maintenance, MaintenanceNotice
from dcim.sla.affected import find_affected
from dcim.sla.notice_due import Due, judge_due
from dcim.sla.notice_text import NoticeFacts, NoticeItem, write_notice
from dcim.sla.subjects import both

TELLING_STATES = ("approved", "announced", "under_way")
PORTAL = "portal"


@dataclass(frozen=True, slots=True)
class Told:
    """`unreached`: codes of customers without a contact to tell by this channel."""

    notices: Sequence[MaintenanceNotice]
    unreached: tuple[str, ...]


def read_due(
    session: Session, scope: Scope, work: Maintenance, now: dt.datetime | None = None
) -> list[Due]:
    """Whom the window concerns, with what their terms ask. For staff."""
    now = now or utc_now()
    affected = find_affected(
        session, scope, targets_of(work), work.starts_at, work.ends_at, now=now
    )
    return judge_due(session, scope, work, affected, now)


def announce(
    session: Session,
    scope: Scope,
    maintenance_id: int,
    channel: str,
    customer_ids: Collection[int] | None = None,
    sent_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> Told:
    """Tell those concerned (or of them `customer_ids`) of the window's times.

    By e-mail, phone or letter it is recorded that a person sent or said it, at `sent_at` or now;
    in the portal it shows at once. Who was told of these times this way already is left out.
    Raises ConflictError before approval, when it is over, and when all were told; InvalidError;
    NotFoundError; ForbiddenError.
    """
    now = now or utc_now()
    work = find_work(session, scope, maintenance_id)
    if work.state not in TELLING_STATES:
        raise ConflictError(
            "%(code)s isn't approved, or is over: there is nothing to announce.", code=work.code
        )
    if channel not in NOTICE_CHANNELS:
        raise InvalidError("No such channel.", {"channel": ["unknown"]})
    at = _check_time(work, channel, sent_at, now)
    due = read_due(session, scope, work, now)
    chosen = [one for one in due if customer_ids is None or one.customer.id in customer_ids]
    if not chosen or (customer_ids is not None and len(chosen) < len(set(customer_ids))):
        raise InvalidError(
            "Only customers that the work concerns can be told of it.",
            {"customer_ids": ["not concerned"]},
        )
    contacts = _load_contacts(session, scope, [one.customer.id for one in chosen])
    notices: list[MaintenanceNotice] = []
    unreached: list[str] = []
    for one in chosen:
        own = keep_valid(contacts.get(one.customer.id, []), today_in(one.customer.timezone, at))
        recipients = name_recipients(channel, own)
        if not recipients:
            unreached.append(one.customer.code)
        notices += _write(work, scope, one, channel, recipients, at, now)
    if not notices:
        if unreached:
            raise InvalidError(
                "No contact of %(customers)s can be told this way: enter one, or use the portal.",
                {"channel": ["no contact"]},
                customers=", ".join(unreached),
            )
        raise ConflictError("All of them were told of these times this way already.")
    session.add_all(notices)
    if work.state == "approved":
        work.state = "announced"
    work.announced_at = work.announced_at or at
    session.flush()
    record_many(session, scope, [_deed(work, one) for one in notices])
    _tell_people(session, work, chosen, {one.customer_id for one in notices})
    return Told(notices, tuple(unreached))


def keep_valid(contacts: Sequence[Contact], today: dt.date) -> list[Contact]:
    """Those whose rights last on that day."""
    return [one for one in contacts if one.valid_until is None or one.valid_until >= today]


def list_contractual(session: Session, scope: Scope, customer_id: int, today: dt.date) -> list[str]:
    """The addresses that notices of maintenance by mail go to, as proof that the customer was
    told: nobody switches these off."""
    contacts = _load_contacts(session, scope, [customer_id]).get(customer_id, [])
    return name_recipients("email", keep_valid(contacts, today))


def name_recipients(channel: str, contacts: Sequence[Contact]) -> list[str]:
    """As the notice names them: who may report faults, else who may order, else anybody."""
    if channel == PORTAL:
        return [PORTAL]
    found = (
        [one for one in contacts if one.may_ticket]
        or [one for one in contacts if one.may_order]
        or list(contacts)
    )
    named = {
        "email": lambda one: one.email,
        "phone": lambda one: (
            f"{one.name} {one.mobile or one.phone}" if one.mobile or one.phone else ""
        ),
        "letter": lambda one: one.name,
    }[channel]
    return [text[:255] for text in dict.fromkeys(map(named, found)) if text]


def word_notice(work: Maintenance, due: Due, language: str = "", timezone: str = "") -> str:
    """In the customer's language and zone, unless another is given."""
    told = [(one.starts_at, one.ends_at) for one in due.notices]
    before = told[-1] if told and told[-1] != (work.starts_at, work.ends_at) else None
    customer = due.customer
    items = [
        NoticeItem(
            item.contract_number,
            item.code,
            both(item.label, item.label_en),
            [(loss.kind, loss.where, loss.lost, loss.kept) for loss in item.losses],
        )
        for item in customer.items
    ]
    return write_notice(
        NoticeFacts(
            work.code, both(work.title, work.title_en), work.kind, work.risk,
            both(work.reason, work.reason_en or work.reason),
            both(customer.name, customer.name_en), timezone or customer.timezone,
            work.starts_at, work.ends_at, before, items, due.needs_approval,
        ),
        language or customer.language,
    )  # fmt: skip


def _tell_people(
    session: Session, work: Maintenance, chosen: Sequence[Due], told: Collection[int]
) -> None:
    """Mail the notice to the people of those `told` who chose it; of the same times once, by
    whatever ways the customer is told of them. It proves nothing: the notice itself does."""
    by_customer = {one.customer.id: one for one in chosen}
    times = f"{work.starts_at.timestamp():.0f}-{work.ends_at.timestamp():.0f}"

    def write(reader: Reader) -> Letter:
        due = by_customer[reader.customer_id]
        lines = word_notice(work, due, reader.language, reader.timezone).splitlines()
        return Letter(lines[0], lines, f"/portal/maintenance/{work.id}")

    tell_people(session, told, "maintenance.announced", f"maintenance/{work.id}/{times}", write)


def _check_time(
    work: Maintenance, channel: str, sent_at: dt.datetime | None, now: dt.datetime
) -> dt.datetime:
    if sent_at is None:
        return now
    if channel == PORTAL:
        raise InvalidError(
            "In the portal it is told now, at no other time.", {"sent_at": ["portal"]}
        )
    if sent_at > now or (work.approved_at is not None and sent_at < work.approved_at):
        raise InvalidError(
            "It was sent after its approval and not in the future.", {"sent_at": ["when"]}
        )
    return sent_at


def _load_contacts(
    session: Session, scope: Scope, customer_ids: list[int]
) -> Mapping[int, list[Contact]]:
    rows = session.scalars(
        scope.apply(
            select(Contact)
            .where(Contact.customer_id.in_(customer_ids))
            .order_by(Contact.name, Contact.id),
            Contact.customer_id,
        )
    )
    found: dict[int, list[Contact]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row)
    return found


def _write(
    work: Maintenance,
    scope: Scope,
    due: Due,
    channel: str,
    recipients: Sequence[str],
    at: dt.datetime,
    now: dt.datetime,
) -> list[MaintenanceNotice]:
    known = {
        one.recipient
        for one in due.notices
        if one.channel == channel and (one.starts_at, one.ends_at) == (work.starts_at, work.ends_at)
    }
    text = word_notice(work, due)
    return [
        MaintenanceNotice(
            maintenance_id=work.id,
            customer_id=due.customer.id,
            sent_at=at,
            channel=channel,
            recipient=recipient,
            starts_at=work.starts_at,
            ends_at=work.ends_at,
            sent_by=scope.actor[:255],
            recorded_at=now,
            language=due.customer.language,
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
        for recipient in recipients
        if recipient not in known
    ]


def _deed(work: Maintenance, notice: MaintenanceNotice) -> Deed:
    return Deed(
        "maintenance.announce",
        f"maintenance/{work.id}",
        notice.customer_id,
        {
            "code": work.code,
            "channel": notice.channel,
            "recipient": notice.recipient,
            "sent_at": notice.sent_at.isoformat(),
            "starts_at": notice.starts_at.isoformat(),
            "ends_at": notice.ends_at.isoformat(),
            "sha256": notice.sha256,
        },
    )
