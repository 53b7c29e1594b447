"""Usage of an evaluation as words for programs: amounts and lines, or the facts that lack."""

from decimal import Decimal
from typing import Any

from dcim.sla.rules.files.usage import UsageLine
from dcim.sla.rules.steps import Step, say_exact
from dcim.sla.rules.terms import Terms, Usage
from dcim.sla.rules.usage.bandwidth import Bandwidth
from dcim.sla.rules.usage.lines import PricedLine
from dcim.sla.rules.usage.meters import Metered

Report = dict[str, Any]


def report_step(step: Step) -> Report:
    return {"key": step.key, "label": step.label, "formula": step.formula, "result": step.result}


def report_usage(line: UsageLine) -> Report:
    bill, amount = line.bill, line.amount
    return {
        "usage": line.usage.id,
        "pool": line.pool,
        "items": [item.id for item in line.items],
        "title": line.usage.title,
        "clause": line.usage.clause,
        "method": line.usage.method,
        "mode": line.usage.mode if line.usage.method == "percentile" else None,
        "intervals": None if bill is None else {"expected": bill.expected, "present": bill.present},
        "committed_amount": str(bill.committed_amount) if isinstance(bill, Bandwidth) else None,
        "amount": None if amount is None else str(amount),
        "lines": [_line(each) for each in _lines(line)],
        "missing": list(line.missing),
        "notes": list(line.notes),
        "steps": [] if bill is None else [report_step(step) for step in bill.steps],
    }


def total_usage(terms: Terms, lines: tuple[UsageLine, ...]) -> str | None:
    """None while a line can't be billed: a part is no total."""
    amounts = [line.amount for line in lines if line.amount is not None]
    if len(amounts) < len(lines):
        return None
    return str(sum(amounts, Decimal(0)).quantize(Decimal(1).scaleb(-terms.decimals)))


def _lines(line: UsageLine) -> tuple[PricedLine, ...]:
    if line.bill is None:
        return ()
    if isinstance(line.bill, Metered):
        return (_metered(line.usage, line.bill),)
    return line.bill.lines


def _metered(usage: Usage, bill: Metered) -> PricedLine:
    price = usage.price_over
    return PricedLine(
        usage.method,
        usage.title,
        bill.quantity,
        "kW" if usage.method == "demand" else "kWh",
        price if isinstance(price, Decimal) else None,
        bill.amount,
    )


def _line(line: PricedLine) -> Report:
    """`quantity` has at most six decimals; `factor` is exact, as 1/2."""
    quantity, price, amount = line.quantity, line.unit_price, line.amount
    return {
        "key": line.key,
        "item": line.item or None,
        "text": line.text,
        "quantity": None if quantity is None else say_exact(quantity).replace(",", ""),
        "unit": line.unit,
        "unit_price": None if price is None else str(price),
        "factor": str(line.factor),
        "amount": None if amount is None else str(amount),
        "note": line.note,
    }
