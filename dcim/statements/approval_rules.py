"""What needs a second person before a month is issued, by the operator's rule or the contract's."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.customers.models import Contract
from dcim.errors import Message, Messages
from dcim.statements.approval_models import ApprovalRule

OPEN_RESULTS = ("needs_review", "unpriced")
# A reason names so many results; how many there are is told beside them.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """`above` is an amount of credits in the contract's currency; none: they don't matter."""

    when_open: bool = False
    above: Decimal | None = None


def find_rule(session: Session, contract: Contract) -> Rule:
    """The operator's for the currency, word by word replaced by what the contract says."""
    row = session.scalars(
        select(ApprovalRule).where(ApprovalRule.currency == contract.currency)
    ).one_or_none()
    common = Rule() if row is None else Rule(row.when_open, row.credits_above)
    return Rule(
        common.when_open if contract.approve_open == "" else contract.approve_open == "always",
        common.above if contract.approve_above is None else contract.approve_above,
    )


def find_reasons(rule: Rule, document: Mapping[str, Any]) -> dict[str, Any]:
    """Why this statement waits, JSON-ready; empty where nothing holds it.

    `open`: how many `results` are left open or have no price, and `unpriced`: how much of the usage
    has none (`without`); the first of both are told. `credits`: what they come to, more than
    `above`.
    """
    found: dict[str, Any] = {}
    if rule.when_open:
        results = [one for one in document["metrics"] if one["result"] in OPEN_RESULTS]
        without = document["totals"].get("without", [])
        if results or without:
            found["open"] = len(results)
            found["results"] = [
                {key: one[key] for key in ("id", "label", "subject", "result", "clause")}
                | {"at_most": one["credit"]["at_most"]}
                for one in results[:SHOWN]
            ]
            found["unpriced"] = len(without)
            found["without"] = without[:SHOWN]
    credits = -Decimal(document["totals"]["credits"])
    if rule.above is not None and credits > rule.above:
        found |= {"credits": str(credits), "above": str(rule.above)}
    return found


def say_reasons(reasons: Mapping[str, Any], currency: str) -> Messages:
    """For people, each a sentence."""
    said = []
    if reasons.get("open"):
        said.append(Message("Results left open: %(count)s.", count=reasons["open"]))
    if reasons.get("without"):
        # Months that wait since before it was counted name all of it.
        count = reasons.get("unpriced", len(reasons["without"]))
        said.append(Message("Usage without a price: %(count)s.", count=count))
    if "above" in reasons:
        said.append(
            Message(
                "Credits of %(credits)s %(currency)s are more than %(above)s.",
                credits=reasons["credits"],
                currency=currency,
                above=reasons["above"],
            )
        )
    return Messages(said)
