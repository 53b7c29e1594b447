"""A month that was, judged by terms that aren't agreed yet, beside what it came to."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.errors import InvalidError
from dcim.sla.agreeing import read_terms_for
from dcim.sla.further_facts import further_facts
from dcim.sla.observations import gather_inputs
from dcim.sla.rules.evaluation import Evaluation, MetricResult
from dcim.sla.rules.periods import month_period, to_ms
from dcim.sla.rules.quantities import say_share
from dcim.sla.rules.terms import Text
from dcim.sla.terms_in_force import find_agreed
from dcim.statements.composition import evaluate_inputs
from dcim.statements.further_facts import KEYS as FURTHER_KEYS
from dcim.statements.history import add_history
from dcim.statements.performance import RESULT_TEXT, seconds

NOWHERE = {"name": {"zh": "", "en": ""}}


@dataclass(frozen=True, slots=True)
class ReplayedLine:
    """One promise of one item under both; None where that version doesn't have it."""

    id: str
    title: Text
    subject: Text
    before: "Judged | None"
    after: "Judged | None"


@dataclass(frozen=True, slots=True)
class Judged:
    result: str
    text: Text
    availability_pct: str | None
    downtime_s: int | float
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Replay:
    """`before` is None when the contract had no terms in that month. Credits after all caps."""

    month: str
    lines: tuple[ReplayedLine, ...]
    before: Decimal | None
    after: Decimal
    currency: str


def replay_month(
    session: Session, scope: Scope, contract: Contract, document: str, month: str
) -> Replay:
    """The month's facts read once, judged twice; nothing is kept.

    Raises InvalidError for terms that can't be used and for a month that still runs.
    """
    terms = read_terms_for(contract, document)
    period = month_period(month, terms.timezone)
    now = to_ms(dt.datetime.now(dt.UTC))
    if period.end > now:
        raise InvalidError(
            "%(month)s still runs: choose a month that is over.",
            {"month": ["still runs"]},
            month=month,
        )
    frozen = dt.datetime.now(dt.UTC).isoformat()
    inputs = gather_inputs(
        session, scope, contract, month, document=_document(frozen), operator=NOWHERE,
        terms=document,
    )  # fmt: skip
    after = evaluate_inputs(add_history(session, scope, contract, inputs))
    before = None
    try:
        agreed = find_agreed(session, scope, contract, month)
    except InvalidError:
        agreed = None
    if agreed is not None:
        # Facts that only some terms ask for are each version's own.
        common = {key: value for key, value in inputs.items() if key not in FURTHER_KEYS}
        asked = further_facts(session, scope, contract, agreed.load(), period)
        old = common | asked | agreed.as_inputs()
        before = evaluate_inputs(add_history(session, scope, contract, old))
    names = {entry["id"]: entry.get("name") or entry["label"] for entry in inputs["items"]}
    return Replay(
        month,
        tuple(_compare(before, after, names)),
        None if before is None else before.credit_total,
        after.credit_total,
        terms.currency,
    )


def _document(frozen: str) -> dict[str, Any]:
    return {
        "number": "", "revision": 1, "reason": "", "supersedes": None, "language": "zh",
        "frozen_at": frozen, "dispute": {}, "verify_url": "",
    }  # fmt: skip


def _compare(
    before: Evaluation | None, after: Evaluation, names: dict[str, Text]
) -> list[ReplayedLine]:
    old = {one.id: one for one in before.results} if before is not None else {}
    new = {one.id: one for one in after.results}
    lines = []
    for key in [*new, *(key for key in old if key not in new)]:
        one = new.get(key) or old[key]
        lines.append(
            ReplayedLine(
                key,
                one.metric.title,
                names[one.item.id],
                _judged(old.get(key)),
                _judged(new.get(key)),
            )
        )
    return lines


def _judged(result: MetricResult | None) -> Judged | None:
    if result is None:
        return None
    return Judged(
        result.result,
        RESULT_TEXT[result.result],
        say_share(result.outcome.availability, 4, result.metric.target.availability),
        seconds(result.outcome.downtime_ms),
        result.credit.amount,
    )
