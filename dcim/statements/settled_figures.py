"""What credits became, and the tax of each line, as a statement says them; pure."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from dcim.sla.rules.evaluation import Evaluation, MetricResult
from dcim.sla.rules.money.tax import split_tax, tax_fee
from dcim.sla.rules.periods import format_instant
from dcim.sla.rules.quantities import plain
from dcim.sla.rules.results import CapLine, Taxed
from dcim.sla.rules.terms import Terms
from dcim.statements.carrying import Carried
from dcim.statements.inputs import Case
from dcim.statements.performance import item_names

FEES = ("rent", "usage")


def settlement_section(case: Case, evaluation: Evaluation, carried: Carried) -> dict[str, Any]:
    """{"settlement": {…}} with only the parts that have something to say; {} where none has."""
    if "earlier" not in case.inputs:
        return {}
    credits = [_credit(result) for result in evaluation.results if result.settlement is not None]
    parts = {
        "credits": credits,
        "vouchers": _vouchers(case, evaluation, carried),
        "extensions": _extensions(case, evaluation),
        "held_caps": _held(evaluation.held_caps),
        "earlier": carried.earlier,
        "leaves": carried.leaves,
    }
    said = {key: part for key, part in parts.items() if part}
    if evaluation.claimable_total:
        said["claimable"] = str(evaluation.claimable_total)
    return {"settlement": said} if said else {}


def _credit(result: MetricResult) -> dict[str, Any]:
    settled = result.settlement
    assert settled is not None  # noqa: S101 - the caller chose those that have one
    moments = {
        "until": settled.until,
        "claimed_at": settled.claimed_at,
        "expires_at": settled.expires_at,
    }
    return {
        "metric": result.id,
        "becomes": settled.kind,
        "state": settled.state,
        "amount": str(settled.amount),
        "text": settled.text,
        **({"claimable": str(settled.claimable)} if settled.claimable else {}),
        **{key: format_instant(at) for key, at in moments.items() if at is not None},
    }


def _vouchers(case: Case, evaluation: Evaluation, carried: Carried) -> dict[str, Any]:
    """Their worth in all; those of a contract's end have no day on which they expire."""
    ended = [Decimal(one["amount"]) for one in carried.leaves if one["becomes"] == "voucher"]
    worth = evaluation.voucher_total + sum(ended, Decimal(0))
    if not worth:
        return {}
    settle = case.terms.settle
    expires = settle.expires_ms if settle is not None and evaluation.voucher_total else None
    until = {} if expires is None else {"expires_at": format_instant(case.period.end + expires)}
    return {"amount": str(worth), **until}


def _extensions(case: Case, evaluation: Evaluation) -> list[dict[str, Any]]:
    names = item_names(case)
    return [
        {
            "item": one.item,
            "subject": names[one.item],
            "amount": str(one.amount),
            "days": plain(one.days),
        }
        for one in evaluation.extensions
    ]


def _held(caps: Iterable[CapLine]) -> list[dict[str, Any]]:
    return [{"key": cap.key, "amount": str(cap.amount), "text": cap.text} for cap in caps]


def tax_section(case: Case, ledger: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """{"tax": {…}}: each line of the ledger without and with tax, and their sums; {} where the
    terms say nothing of tax, and for inputs that knew none."""
    terms = case.terms
    if terms.tax is None or "earlier" not in case.inputs:
        return {}
    lines = [_tax(terms, line) for line in ledger]
    nothing = Decimal(0).quantize(Decimal(1).scaleb(-terms.decimals))
    sums = {
        "net": sum((line.net for line in lines), nothing),
        "tax": sum((line.tax for line in lines), nothing),
        "gross": sum((line.gross for line in lines), nothing),
    }
    return {
        "tax": {
            "rate": plain(terms.tax.rate),
            "mode": terms.tax.mode,
            "credit_is": terms.tax.credit_is,
            "lines": [
                {
                    "key": line.key,
                    "net": str(line.net),
                    "tax": str(line.tax),
                    "gross": str(line.gross),
                }
                for line in lines
            ],
            **{key: str(amount) for key, amount in sums.items()},
        }
    }


def _tax(terms: Terms, line: dict[str, Any]) -> Taxed:
    """Negative amounts are rounded like positive ones, so that a line and its reversal add to 0."""
    amount, key = Decimal(line["amount"]), line["key"]
    sign = -1 if amount < 0 else 1
    if line["kind"] in FEES or terms.tax is None:
        split = tax_fee(key, abs(amount), terms)
    else:
        split = split_tax(key, abs(amount), terms.tax.credit_is == "gross", terms.tax, terms)
    return Taxed(key, sign * split.net, sign * split.tax, sign * split.gross)


def tax_line(case: Case, section: dict[str, Any], total: Decimal) -> list[dict[str, Any]]:
    """What the lines are without: the ledger's own line, so that its sum is the amount due."""
    if not section:
        return []
    missing = Decimal(section["tax"]["gross"]) - total
    if not missing:
        return []
    rate = section["tax"]["rate"]
    return [
        {
            "key": f"tax:{rate}",
            "kind": "tax",
            "item": None,
            "text": {
                "zh": f"以上未含的税（{rate} %）",
                "en": f"Tax of {rate} % that the lines above are without",
            },
            "amount": str(missing),
            "clause": "",
        }
    ]
