"""Credits that one statement leaves to the next: taken once, carried on, or at their end; pure.

`inputs["earlier"]` tells what the statements before this one leave: `left` is what the month's
newest revision leaves, `used` what other statements took of it, so a corrected month carries the
difference. Inputs without it are of a statement that knew no carrying: nothing is carried there.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from dcim.sla.rules.evaluation import Evaluation, evaluate
from dcim.sla.rules.facts import Facts
from dcim.sla.rules.terms import Terms, Text
from dcim.statements.figures import UsageSections
from dcim.statements.inputs import Case, InputsRefusedError, prorate, service_days

KIND = "carried"
_SIGNED = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Due:
    """What is still to be given of an earlier month; negative: more was given than was due."""

    entry: dict[str, Any]
    amount: Decimal


@dataclass
class Carried:
    """Lines of the ledger: `taken` off this statement (negative), `onward` (positive) what it
    doesn't take after all; `earlier` and `leaves` say the same for the reader."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    onward: list[dict[str, Any]] = field(default_factory=list)
    earlier: list[dict[str, Any]] = field(default_factory=list)
    leaves: list[dict[str, Any]] = field(default_factory=list)

    def waits(self, case: Case) -> bool:
        """Whether all of this month's credits are left to the next statement."""
        settle = case.terms.settle
        return (settle is not None and settle.on == "next_invoice") and any(
            one["becomes"] == "next" and one["period"] == case.inputs["period"]
            for one in self.leaves
        )

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [*self.taken, *self.onward]


@dataclass(frozen=True)
class Invoice:
    """Rent and usage before credits; not `whole` where a usage can't be priced."""

    amount: Decimal
    whole: bool


def bill(case: Case, usage: UsageSections) -> Invoice:
    rents = [
        prorate(entry, case.inputs, case.terms)
        for entry in case.inputs["items"]
        if (span := service_days(entry, case.inputs))[0] < span[1]
    ]
    amounts = [*rents, *(charge.amount for charge in usage.charges)]
    whole = all(section["amount"] is not None for section in usage.lines)
    return Invoice(sum(amounts, Decimal(0)), whole)


def needs_invoice(case: Case) -> bool:
    """Whether the credits themselves hang on the invoice they are taken off."""
    settle = case.terms.settle
    return (
        "earlier" in case.inputs
        and settle is not None
        and settle.kind == "credit"
        and settle.on == "this_invoice"
        and settle.carry_forward is not None
    )


def judge(case: Case, invoice: Invoice | None) -> Evaluation:
    """The verdicts. What a later invoice can't take is found where it is taken off, not here."""
    terms, facts = case.terms, case.facts
    if "earlier" in case.inputs:
        if terms.settle is not None and terms.settle.on != "this_invoice":
            terms = without_invoices(terms)
        facts = _with_invoice(facts, invoice)
    return evaluate(terms, facts, case.period)


def without_invoices(terms: Terms) -> Terms:
    """The same, but no invoice limits the credits."""
    if terms.settle is None:
        return terms
    return replace(terms, settle=replace(terms.settle, carry_forward=None))


def _with_invoice(facts: Facts, invoice: Invoice | None) -> Facts:
    if invoice is None or not invoice.whole or facts.invoice is not None:
        return facts
    return replace(facts, invoice=invoice.amount)


def carry(case: Case, evaluation: Evaluation, invoice: Invoice) -> Carried:
    """What earlier statements leave and what this one leaves; nothing where nothing is carried."""
    found = Carried()
    if "earlier" not in case.inputs:
        return found
    settle = case.terms.settle
    own = _own(case, evaluation, invoice)
    room = invoice.amount - (evaluation.credit_total - own)
    for due in read_earlier(case):
        rest = Decimal(0)
        if settle is not None and settle.carry_forward is not None:
            rest = max(due.amount - max(room, Decimal(0)), Decimal(0))
        room -= due.amount - rest
        _take(case, due, rest, found)
        if rest:
            lapses = settle is not None and settle.carry_forward is False and invoice.whole
            _leave(case, due.entry["period"], rest, found, lapses=lapses)
    if own:
        _leave(case, case.inputs["period"], own, found)
    return found


def _own(case: Case, evaluation: Evaluation, invoice: Invoice) -> Decimal:
    """What this month's credits leave to later invoices."""
    settle = case.terms.settle
    if settle is None or not settle.waits:
        return Decimal(0)
    if settle.on == "next_invoice":
        return evaluation.credit_total
    return max(evaluation.credit_total - invoice.amount, Decimal(0))


def read_earlier(case: Case) -> list[Due]:
    """Oldest month first. Raises InputsRefusedError for a month that isn't earlier or twice."""
    found: dict[str, Due] = {}
    for entry in case.inputs["earlier"]:
        period = entry["period"]
        place = f"earlier {period}"
        if not _MONTH.fullmatch(period) or period >= case.inputs["period"] or period in found:
            raise InputsRefusedError(f"{place}: no earlier month, or twice")
        used = sum((_signed(one["amount"], place) for one in entry["used"]), Decimal(0))
        amount = _signed(entry["left"], place) - used
        if amount:
            found[period] = Due(entry, amount)
    return [found[period] for period in sorted(found)]


def _signed(text: str, place: str) -> Decimal:
    if not isinstance(text, str) or not _SIGNED.fullmatch(text):
        raise InputsRefusedError(f"{place}: {text!r} is no amount of money")
    return Decimal(text)


def _take(case: Case, due: Due, rest: Decimal, found: Carried) -> None:
    entry = due.entry
    period, number, revision = entry["period"], entry["number"], entry["revision"]
    if due.amount < 0:
        text = {
            "zh": f"{period} 抵扣更正：多抵部分收回（对账单 {number} 第 {revision} 版）",
            "en": f"Credits of {period} corrected: taken back (statement {number}, "
            f"revision {revision})",
        }
    elif entry["used"]:
        text = {
            "zh": f"{period} 抵扣余额（对账单 {number} 第 {revision} 版，已用部分除外）",
            "en": f"Rest of the credits of {period} (statement {number}, revision {revision})",
        }
    else:
        text = {
            "zh": f"{period} 抵扣结转（对账单 {number} 第 {revision} 版）",
            "en": f"Credits of {period} (statement {number}, revision {revision})",
        }
    found.taken.append(_line(case, f"carried:{period}", text, -due.amount))
    found.earlier.append(
        {
            "period": period,
            "number": number,
            "revision": revision,
            "sha256": entry["sha256"],
            "left": entry["left"],
            "used": [dict(one) for one in entry["used"]],
            "due": str(due.amount),
            "taken": str(due.amount - rest),
        }
    )


def _leave(
    case: Case, period: str, amount: Decimal, found: Carried, *, lapses: bool = False
) -> None:
    """What becomes of an amount that this statement's total doesn't take."""
    becomes = "lapses" if lapses else _at_end(case)
    key, text = _SAID[becomes]
    said: Text = {name: words.format(period=period) for name, words in text.items()}
    found.leaves.append({"period": period, "amount": str(amount), "becomes": becomes, "text": said})
    if key is not None:  # what is paid out stays taken off, so that the total owes it
        found.onward.append(_line(case, f"{key}:{period}", said, amount))


def _at_end(case: Case) -> str:
    """After the contract's last statement there is none to take anything off."""
    end, settle = case.inputs["contract"]["end"], case.terms.settle
    if end is None or date.fromisoformat(end) > case.days[-1] + timedelta(days=1):
        return "next"
    return "open" if settle is None or settle.at_end is None else settle.at_end


# What becomes of it: the key of its ledger line, and what is said.
_SAID: dict[str, tuple[str | None, Text]] = {
    "next": (
        "left",
        {
            "zh": "{period} 抵扣留待下期账单",
            "en": "Credits of {period}, left to the next statement",
        },
    ),
    "lapses": (
        "lapsed",
        {
            "zh": "{period} 抵扣超出可抵账单的部分，按条款作废",
            "en": "Credits of {period} that no invoice takes: they lapse by the terms",
        },
    ),
    "voucher": (
        "voucher",
        {
            "zh": "合同已终止：{period} 抵扣余额按条款改为代金券",
            "en": "The contract has ended: credits of {period} given as a voucher by the terms",
        },
    ),
    "paid_out": (
        None,
        {
            "zh": "合同已终止：{period} 抵扣余额按条款计入本期应付，超出费用的部分以现金退还",
            "en": "The contract has ended: credits of {period} come off this amount due by the "
            "terms; what exceeds the fees is paid out",
        },
    ),
    "open": (
        "left",
        {
            "zh": "合同已终止，条款未约定 {period} 抵扣余额如何处理，待核定",
            "en": "The contract has ended and the terms don't say what becomes of the credits of "
            "{period}: to be reviewed",
        },
    ),
}


def _line(case: Case, key: str, text: Text, amount: Decimal) -> dict[str, Any]:
    return {
        "key": key,
        "kind": KIND,
        "item": None,
        "text": text,
        "amount": str(amount.quantize(Decimal(1).scaleb(-case.terms.decimals))),
        "clause": "",
    }
