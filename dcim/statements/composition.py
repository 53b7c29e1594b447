"""compose(inputs): everything a statement prints, computed from the inputs alone; pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dcim.sla.rules.evaluation import RULES_VERSION, Evaluation
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.periods import format_instant, parse_instant
from dcim.sla.rules.terms import Terms, Text
from dcim.statements.attachments import Attachment, attachments_of, read_inputs
from dcim.statements.carrying import Carried, bill, carry, judge, needs_invoice
from dcim.statements.differences import tell_approval, tell_replaced
from dcim.statements.figures import (
    Charge,
    coverage_sections,
    environment_sections,
    power_sections,
)
from dcim.statements.incident_figures import incident_sections
from dcim.statements.inputs import (
    Case,
    InputsRefusedError,
    prorate,
    read_case,
    service_days,
)
from dcim.statements.performance import (
    day_sections,
    item_names,
    maintenance_sections,
    metric_section,
    resource_labels,
    termination_sections,
    verdict_section,
)
from dcim.statements.raw_samples import manifest_entry
from dcim.statements.settled_figures import settlement_section, tax_line, tax_section
from dcim.statements.trend import tell_trend
from dcim.statements.usage_figures import unpriced_usage, usage_sections

SCHEMA = "jifang.statement/1"
__all__ = ["Attachment", "Statement", "compose", "evaluate_inputs", "read_inputs"]


@dataclass(frozen=True)
class Statement:
    """`data` is the frozen JSON; the attachments are those its manifest names."""

    data: dict[str, Any]
    attachments: tuple[Attachment, ...]


def evaluate_inputs(inputs: dict[str, Any]) -> Evaluation:
    """The verdicts alone, for a preview or a month to date."""
    case = read_case(inputs)
    return judge(case, bill(case, usage_sections(case)) if needs_invoice(case) else None)


def compose(inputs: dict[str, Any]) -> Statement:
    """The statement of a closed month; InputsRefusedError or TermsRefusedError name what is wrong.

    compose(read_inputs(statement.attachments)) gives the same statement again.
    """
    if inputs.get("rules_version") != RULES_VERSION:
        raise InputsRefusedError(
            f"rules_version {inputs.get('rules_version')!r} is not {RULES_VERSION}"
        )
    case = read_case(inputs)
    usage = usage_sections(case)
    invoice = bill(case, usage)
    evaluation = judge(case, invoice if needs_invoice(case) else None)
    carried = carry(case, evaluation, invoice)
    power, power_charts = power_sections(case)
    environment, climate_charts = environment_sections(case, evaluation)
    unpriced = unpriced_usage(usage.lines)
    ledger = _ledger(case, evaluation, usage.charges, carried)
    tax = tax_section(case, ledger)
    ledger += tax_line(case, tax, _sum(case, ledger))
    attachments = attachments_of(case.inputs)
    document = case.inputs["document"]
    labels, names = resource_labels(case), item_names(case)
    data = {
        "schema": SCHEMA,
        "rules_version": RULES_VERSION,
        "number": document["number"],
        "revision": document["revision"],
        "reason": document["reason"],
        "supersedes": document["supersedes"],
        "language": document["language"],
        "operator": case.inputs["operator"],
        "customer": case.inputs["customer"],
        "contract": _contract(case),
        "period": _period(case),
        "frozen_at": format_instant(parse_instant(document["frozen_at"])),
        "verdict": verdict_section(
            evaluation, case.terms.currency, len(unpriced), waits=carried.waits(case)
        ),
        "items": _items(case),
        "metrics": [metric_section(result, labels, names) for result in evaluation.results],
        "incidents": incident_sections(case, evaluation),
        "maintenance": maintenance_sections(case, evaluation),
        "usage": usage.lines,
        "power": power,
        "environment": environment,
        "ledger": ledger,
        "totals": {**_totals(case, ledger), **_without(unpriced)},
        **settlement_section(case, evaluation, carried),
        **tax,
        "termination": termination_sections(evaluation),
        "decisions": case.inputs["decisions"],
        "coverage": coverage_sections(case),
        "method": clause_words(case.terms),
        "warnings": [*case.terms.warnings, *usage.warnings],
        "days": day_sections(case, evaluation),
        "charts": {"usage": usage.charts, "power": power_charts, "environment": climate_charts},
        "manifest": [
            {
                "name": file.name,
                "media_type": file.media_type,
                "bytes": len(file.content),
                "sha256": file.sha256,
                "what": file.what,
            }
            for file in attachments
        ]
        + manifest_entry(case.inputs),
        "dispute": document["dispute"],
        "verify_url": document["verify_url"],
    }
    data |= tell_approval(case.inputs) | tell_replaced(case.inputs, data)
    return Statement(data | tell_trend(case.inputs, data), attachments)


def _contract(case: Case) -> dict[str, Any]:
    contract, terms = case.inputs["contract"], case.terms
    return {
        "number": contract["number"],
        "currency": terms.currency,
        "timezone": terms.timezone,
        "start": contract["start"],
        "end": contract["end"],
        "terms_name": terms.name,
        "terms_version": terms.version,
        "terms_sha256": terms.sha256,
        "terms_title": terms.title,
        **_changes(terms),
    }


def _changes(terms: Terms) -> dict[str, Any]:
    """All versions of a month in which the terms change; the ones above are those it ends with."""
    if not terms.changes:
        return {}
    return {
        "terms_changes": [
            {
                "from": change.since or None,
                "name": change.name,
                "version": change.version,
                "sha256": change.sha256,
                "title": change.title,
            }
            for change in terms.changes
        ]
    }


def _period(case: Case) -> dict[str, Any]:
    return {
        "label": case.inputs["period"],
        "start": format_instant(case.period.start),
        "end": format_instant(case.period.end),
        "seconds": case.period.length // 1000,
        "timezone": case.zone,
        "first_day": case.days[0].isoformat(),
        "last_day": case.days[-1].isoformat(),
    }


def _in_service(case: Case) -> list[tuple[dict[str, Any], date, date]]:
    found = []
    for entry in case.inputs["items"]:
        first, end = service_days(entry, case.inputs)
        if first < end:
            found.append((entry, first, end))
    return found


def _items(case: Case) -> list[dict[str, Any]]:
    names = item_names(case)
    return [
        {
            "id": entry["id"],
            "kind": entry["kind"],
            "label": entry["label"],
            "name": names[entry["id"]],
            "place": entry["place"],
            "mrc": entry["mrc"],
            "rent": str(prorate(entry, case.inputs, case.terms)),
            "from": first.isoformat(),
            "to": end.isoformat(),
            "days": (end - first).days,
            "days_in_period": len(case.days),
        }
        for entry, first, end in _in_service(case)
    ]


def _line(
    key: str, kind: str, item: str | None, text: Text, amount: Decimal, clause: str
) -> dict[str, Any]:
    return {
        "key": key,
        "kind": kind,
        "item": item,
        "text": text,
        "amount": str(amount),
        "clause": clause,
    }


def _ledger(
    case: Case, evaluation: Evaluation, charges: list[Charge], carried: Carried
) -> list[dict[str, Any]]:
    """Rent, usage, credits (negative), caps (positive: they take back), what is carried from and
    to other statements; one line each, rounded."""
    terms, names = case.terms, item_names(case)
    lines = []
    for entry, first, end in _in_service(case):
        days, of = (end - first).days, len(case.days)
        text = {
            "zh": f"{entry['label']['zh']}：月费，{days}/{of} 天",
            "en": f"{entry['label']['en']}: monthly fee, {days} of {of} days",
        }
        rent = prorate(entry, case.inputs, terms)
        lines.append(
            _line(f"rent:{entry['id']}", "rent", entry["id"], text, rent, terms.rent_clause)
        )
    lines += [
        _line(charge.key, "usage", charge.item, charge.text, charge.amount, charge.clause)
        for charge in charges
    ]
    for result in evaluation.results:
        if not result.credit.amount:
            continue
        row = result.credit.row
        text = {
            "zh": f"{names[result.item.id]['zh']} {result.metric.title['zh']}抵扣"
            + (f"（{row['zh']}）" if row else ""),
            "en": f"{names[result.item.id]['en']}, {result.metric.title['en']}, credit"
            + (f" ({row['en']})" if row else ""),
        }
        lines.append(
            _line(
                f"credit:{result.id}",
                "credit",
                result.item.id,
                text,
                -result.credit.amount,
                result.metric.clause,
            )
        )
    lines += [
        _line(cap.key, "cap", cap.item, cap.text, cap.amount, terms.cap_clause)
        for cap in evaluation.caps
    ]
    return lines + carried.lines


def _totals(case: Case, ledger: list[dict[str, Any]]) -> dict[str, str]:
    """Sums of the rounded lines; caps reduce the credits. Of what is carried, and of tax that the
    lines are without, only where there is a line of it."""
    present = {line["kind"] for line in ledger}
    return {
        "rent": str(_sum(case, ledger, "rent")),
        "usage": str(_sum(case, ledger, "usage")),
        "credits": str(_sum(case, ledger, "credit", "cap")),
        **{kind: str(_sum(case, ledger, kind)) for kind in ("carried", "tax") if kind in present},
        "total": str(_sum(case, ledger)),
    }


def _sum(case: Case, ledger: list[dict[str, Any]], *kinds: str) -> Decimal:
    """Of the lines of these kinds; of all where none is named."""
    nothing = Decimal(0).quantize(Decimal(1).scaleb(-case.terms.decimals))
    chosen = [line for line in ledger if not kinds or line["kind"] in kinds]
    return sum((Decimal(line["amount"]) for line in chosen), nothing)


def _without(unpriced: list[dict[str, Any]]) -> dict[str, Any]:
    """What the total doesn't hold because a fact is missing; nothing where all is priced."""
    missing = [
        {
            key: f"{section['label'][key]}{colon}{line['text'][key]}"
            for key, colon in (("zh", "："), ("en", ": "))
        }
        for section in unpriced
        for line in section["lines"]
        if line["amount"] is None
    ]
    return {"without": missing} if missing else {}
