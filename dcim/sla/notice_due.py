"""What the terms of those concerned ask of planned work: notice by when, approval, evidence; and
what it would cost if it weren't left out."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import CalendarDay, Contract, ContractTerms
from dcim.operations.consents import find_standing, load_consents
from dcim.operations.models import Maintenance, MaintenanceConsent, MaintenanceNotice
from dcim.sla.affected import AffectedCustomer, AffectedItem
from dcim.sla.business_calendar import load_days, pick_calendar
from dcim.sla.rules.business_days import latest_before
from dcim.sla.rules.facts import Calendar, Item, Notice, Period, Window
from dcim.sla.rules.intervals import clip
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.measures.exclusions import find_told
from dcim.sla.rules.periods import local_date, month_period, to_ms
from dcim.sla.rules.supposing import name_lanes, suppose
from dcim.sla.rules.terms import Exclusion, Metric, Terms, Text, Within
from dcim.sla.terms_in_force import choose_version

Told = Literal["whole", "part", "none"]
# How it stands with a customer, the worst first: "late": can't be told in time any more; "counts":
# its terms leave such work in, whatever is told; "part": only a part is announced in time;
# "unknown": the calendar isn't; "due": still to be told; "told"; "free": its terms ask nothing.
STANDINGS = ("late", "counts", "part", "unknown", "due", "told", "free")
# What a clause observes that such a loss shows in.
_SHOWN_IN = {"port": ("port", "reachability"), "room": ("power_feed", "temperature")}
_FEEDS = ("power_feed",)
# All feeds are gone, or will be.
_WHOLE = ("down", "overloaded", "battery", "port", "room")


@dataclass(frozen=True, slots=True)
class Asked:
    """One clause about one item. No `rule`: it leaves out no such work. `send_by`: the last
    moment of a notice that still counts; none where none is asked or the calendar isn't known.
    `cost`: what the work would cost if all of it counted, None when nobody can say."""

    item: AffectedItem
    clause: str
    title: Text
    rule: Exclusion | None
    send_by: dt.datetime | None
    told: Told
    knows_calendar: bool
    cost: Decimal | None

    @property
    def notice(self) -> Within | None:
        return None if self.rule is None else self.rule.notice

    def standing(self, now: dt.datetime) -> str:
        if self.rule is None:
            return "counts"
        if self.rule.notice is None:
            return "free"
        if not self.knows_calendar:
            return "unknown"
        if self.told == "whole":
            return "told"
        if self.send_by is not None and now <= self.send_by:
            return "due"
        return "part" if self.told == "part" else "late"


@dataclass(slots=True)
class Due:
    """A customer that the work concerns, and what is still to be done about it."""

    customer: AffectedCustomer
    asked: list[Asked]
    notices: list[MaintenanceNotice]
    consent: MaintenanceConsent | None
    now: dt.datetime
    is_told: bool  # of the times that the window has now
    has_evidence: bool
    currencies: dict[int, str] = field(default_factory=dict)

    @property
    def standing(self) -> str:
        """The worst of its clauses'."""
        found = {one.standing(self.now) for one in self.asked}
        return min(found, key=STANDINGS.index, default="free")

    @property
    def send_by(self) -> dt.datetime | None:
        """Until when it must be told so that every clause leaves the work out."""
        return min((one.send_by for one in self.asked if one.send_by is not None), default=None)

    @property
    def strictest(self) -> Asked | None:
        timed = [one for one in self.asked if one.send_by is not None]
        return min(timed, key=lambda one: one.send_by or self.now, default=None)

    @property
    def needs_approval(self) -> bool:
        return any(one.rule is not None and one.rule.approved for one in self.asked)

    @property
    def lacks_evidence(self) -> bool:
        return not self.has_evidence and any(
            one.rule is not None and one.rule.evidence for one in self.asked
        )

    @property
    def at_stake(self) -> dict[str, Decimal]:
        """Credits by currency, if nothing of it is left out: clause by clause, before the caps of
        the contract as a whole."""
        found: dict[str, Decimal] = {}
        for one in self.asked:
            currency = self.currencies.get(one.item.contract_id, "")
            if one.cost:
                found[currency] = found.get(currency, Decimal(0)) + one.cost
        return found


def judge_due(
    session: Session,
    scope: Scope,
    work: Maintenance,
    affected: Sequence[AffectedCustomer],
    now: dt.datetime,
) -> list[Due]:
    """By customer, in the order given. A fixed number of statements."""
    contracts = {item.contract_id for one in affected for item in one.items}
    agreed = _load_terms(session, scope, contracts, work.starts_at)
    year = work.starts_at.year
    days = load_days(session, year - 1, year + 1)
    notices = _load_notices(session, scope, work.id)
    consents = load_consents(session, scope, [work.id])
    found = []
    for customer in affected:
        told = notices.get(customer.id, [])
        asked = [
            one
            for item in customer.items
            if (terms := agreed.get(item.contract_id)) is not None
            for one in _ask(work, item, terms, days, told)
        ]
        found.append(
            Due(
                customer, asked, told,
                find_standing(
                    consents.get((work.id, customer.id), []), work.starts_at, work.ends_at
                ),
                now,
                any((one.starts_at, one.ends_at) == (work.starts_at, work.ends_at) for one in told),
                bool(work.evidence),
                {each: terms.currency for each, terms in agreed.items()},
            )
        )  # fmt: skip
    return found


def _load_terms(
    session: Session, scope: Scope, contract_ids: Iterable[int], at: dt.datetime
) -> dict[int, Terms]:
    """Those of the day on which the work begins; a contract without readable terms has none."""
    rows = session.execute(
        scope.apply(
            select(ContractTerms, Contract.timezone)
            .join(Contract, Contract.id == ContractTerms.contract_id)
            .where(ContractTerms.contract_id.in_(list(contract_ids)))
            .order_by(ContractTerms.contract_id, ContractTerms.effective_from),
            ContractTerms.customer_id,
        )
    )
    agreed: dict[tuple[int, str], list[ContractTerms]] = {}
    for version, zone in rows:
        agreed.setdefault((version.contract_id, zone), []).append(version)
    found = {}
    for (contract_id, zone), versions in agreed.items():
        chosen = choose_version(versions, local_date(to_ms(at), zone))
        if chosen is None:
            continue
        try:
            found[contract_id] = load_terms(chosen.document)
        except TermsRefusedError:
            continue  # said on the contract's own page; nothing can be judged by them
    return found


def _load_notices(
    session: Session, scope: Scope, maintenance_id: int
) -> dict[int, list[MaintenanceNotice]]:
    rows = session.scalars(
        scope.apply(
            select(MaintenanceNotice)
            .where(MaintenanceNotice.maintenance_id == maintenance_id)
            .order_by(MaintenanceNotice.sent_at, MaintenanceNotice.id),
            MaintenanceNotice.customer_id,
        )
    )
    found: dict[int, list[MaintenanceNotice]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row)
    return found


def _ask(
    work: Maintenance,
    item: AffectedItem,
    terms: Terms,
    days: Sequence[CalendarDay],
    notices: Sequence[MaintenanceNotice],
) -> Iterable[Asked]:
    window = Window(work.code, work.kind, to_ms(work.starts_at), to_ms(work.ends_at), None)
    period = month_period(f"{local_date(window.start, terms.timezone):%Y-%m}", terms.timezone)
    known = pick_calendar(days, terms, period)
    calendar = None if known is None else read_days(known)
    told = tuple(
        Notice(to_ms(one.sent_at), to_ms(one.starts_at), to_ms(one.ends_at)) for one in notices
    )
    for metric in terms.metrics:
        if item.kind not in metric.applies_to or not _shows(metric, item):
            continue
        cost = _price(terms, metric, item, window, period)
        rules: list[Exclusion | None] = [
            rule for rule in metric.exclude
            if rule.kind == work.kind and rule.circumstance is None
        ]  # fmt: skip
        for rule in rules or [None]:
            send_by, knows = _find_deadline(rule, window, terms.timezone, calendar)
            yield Asked(
                item, metric.id, metric.title, rule, send_by,
                _judge_told(rule, window, told, terms.timezone, calendar), knows, cost,
            )  # fmt: skip


def read_days(known: Mapping[str, Sequence[str]]) -> Calendar:
    return Calendar(
        *(frozenset(map(dt.date.fromisoformat, known[key])) for key in ("holidays", "worked"))
    )


def _shows(metric: Metric, item: AffectedItem) -> bool:
    return any(metric.observe in _SHOWN_IN.get(loss.kind, _FEEDS) for loss in item.losses)


def _find_deadline(
    rule: Exclusion | None, window: Window, zone: str, calendar: Calendar | None
) -> tuple[dt.datetime | None, bool]:
    """(the last moment of a notice in time, whether the calendar it needs is known)."""
    if rule is None or rule.notice is None:
        return None, True
    if not rule.notice.business_days:
        at = window.start - rule.notice.ms
    elif calendar is None:
        return None, False
    else:
        at = latest_before(window.start, rule.notice.business_days, zone, calendar)
    return dt.datetime.fromtimestamp(at / 1000, dt.UTC), True


def _judge_told(
    rule: Exclusion | None,
    window: Window,
    notices: tuple[Notice, ...],
    zone: str,
    calendar: Calendar | None,
) -> Told:
    if rule is None or rule.notice is None or (rule.notice.business_days and calendar is None):
        return "none"
    told = find_told(window, notices, rule.notice, zone, calendar)
    if told == [(window.start, window.end)]:
        return "whole"
    return "part" if told else "none"


def _price(
    terms: Terms, metric: Metric, item: AffectedItem, window: Window, period: Period
) -> Decimal | None:
    """What the clause gives if the item is down all through the window, within its first month."""
    [span] = clip([(window.start, window.end)], period.start, period.end) or [(0, 0)]
    lanes = name_lanes(metric)
    whole = any(loss.kind in _WHOLE for loss in item.losses)
    down = dict.fromkeys(lanes if whole else lanes[:1], span)
    fee = item.monthly_fee
    supposed = suppose(
        terms, metric, Item(item.code, item.kind, fee, fee, period.start, period.end), down,
        period, (local_date(period.end, terms.timezone)
                 - local_date(period.start, terms.timezone)).days,
    )  # fmt: skip
    return None if supposed is None else supposed.amount
