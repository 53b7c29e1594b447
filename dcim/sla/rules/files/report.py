"""An evaluation of facts from a file as one document for programs; `report_schema` is its shape.

Times are ISO 8601 in UTC, lengths whole milliseconds, money and shares decimal strings.
"""

from decimal import Decimal

from dcim.sla.rules.evaluation import RULES_VERSION, Evaluation, MetricResult, Result, evaluate
from dcim.sla.rules.files.facts import FactsFile
from dcim.sla.rules.files.usage import bill_usage
from dcim.sla.rules.files.usage_report import Report, report_step, report_usage, total_usage
from dcim.sla.rules.intervals import Interval, subtract, total
from dcim.sla.rules.language.value_words import say_value
from dcim.sla.rules.outcomes import Excluded, Outcome, TraceLine
from dcim.sla.rules.periods import format_instant
from dcim.sla.rules.quantities import VALUE_UNITS, fixed, plain, say_share
from dcim.sla.rules.results import CapLine, Settlement
from dcim.sla.rules.terms import Metric, Terms

FORMAT = "jifang-sla-evaluation/2"
EXIT_CODES: dict[Result, int] = {
    "met": 0,
    "breached": 1,
    "needs_review": 3,
    "unpriced": 4,
    "not_eligible": 4,
}


def report_evaluation(terms: Terms, file: FactsFile) -> Report:
    """Everything the command tells. ValueError when terms and facts don't fit each other."""
    found = evaluate(terms, file.facts, file.period)
    try:
        usage = bill_usage(terms, file)
    except TypeError as error:
        raise ValueError(*error.args) from error
    return {
        "format": FORMAT,
        "rules_version": RULES_VERSION,
        "terms": {
            "name": terms.name,
            "version": terms.version,
            "title": terms.title,
            "sha256": terms.sha256,
            "currency": terms.currency,
            "time_zone": terms.timezone,
            "changes": [
                {
                    "from": one.since or None,
                    "name": one.name,
                    "version": one.version,
                    "title": one.title,
                    "sha256": one.sha256,
                }
                for one in terms.changes
            ],
        },
        "facts": {
            "sha256": file.sha256,
            "tables": [{"name": name, "sha256": file.tables[name]} for name in sorted(file.tables)],
        },
        "period": {
            "label": file.label,
            "start": format_instant(file.period.start),
            "end": format_instant(file.period.end),
            "judged_to": format_instant(file.judged_to),
            "provisional": file.provisional,
        },
        "warnings": {
            "terms": list(terms.warnings),
            "facts": [
                {"place": each.place or "facts", "line": each.line, "message": each.message}
                for each in file.warnings
            ],
        },
        "verdict": found.verdict,
        "exit_code": EXIT_CODES[found.verdict],
        "results": [_result(result) for result in found.results],
        "caps": _caps(found.caps),
        "held_caps": _caps(found.held_caps),
        "credits": _credits(terms, found),
        "extensions": [
            {"item": each.item, "amount": str(each.amount), "days": str(each.days)}
            for each in found.extensions
        ],
        "tax": [
            {"key": line.key, "net": str(line.net), "tax": str(line.tax), "gross": str(line.gross)}
            for line in found.taxed
        ],
        "rights": [
            {
                "result": right.metric,
                "known": right.known,
                "reached": right.reached,
                "value": right.value,
                "text": right.text,
                "notice_ms": right.rule.notice_ms,
                "exercise_until": _instant(right.exercise_until),
                "lapsed": right.lapsed,
            }
            for right in found.rights
        ],
        "usage": [report_usage(line) for line in usage],
        "usage_total": total_usage(terms, usage),
    }


def _spans(parts: tuple[Interval, ...]) -> list[list[str]]:
    return [[format_instant(start), format_instant(end)] for start, end in parts]


def _outcome(outcome: Outcome, metric: Metric) -> Report:
    return {
        "missed": outcome.missed,
        "downtime_ms": outcome.downtime_ms,
        "denominator_ms": outcome.denominator_ms,
        "availability_pct": say_share(outcome.availability, target=metric.target.availability),
    }


def _result(result: MetricResult) -> Report:
    outcome, measured, credit = result.outcome, result.measurement, result.credit
    return {
        "id": result.id,
        "metric": result.metric.id,
        "item": result.item.id,
        "title": result.metric.title,
        "clause": result.metric.clause,
        "result": result.result,
        "resources": list(result.resources),
        "service": _spans((measured.service,))[0],
        **_outcome(outcome, result.metric),
        "excluded_ms": outcome.excluded_ms,
        "unknown_ms": outcome.unknown_ms,
        "coverage_pct": say_share(measured.coverage),
        "judged_by_figure": outcome.by_figure,
        "figure": _figure(result),
        "best": _outcome(result.best, result.metric),
        "worst": _outcome(result.worst, result.metric),
        "events": [
            {
                "start": format_instant(event.start),
                "end": format_instant(event.end),
                "parts": _spans(event.parts),
                "counted_ms": event.counted_ms,
            }
            for event in outcome.events
        ],
        "trace": _trace(measured.service, measured.trace),
        "exclusions": [_exclusion(each) for each in measured.exclusions],
        "credit": {
            "amount": str(credit.amount),
            "pct": str(fixed(credit.pct, 6)),
            "base": str(credit.base),
            "capped": credit.capped,
            "row": credit.row,
            "steps": [report_step(step) for step in credit.steps],
            "at_least": str(result.at_least),
            "at_most": str(result.at_most),
        },
        "settlement": _settlement(result.settlement),
        "notes": list(result.notes),
    }


def _settlement(settled: Settlement | None) -> Report | None:
    """What becomes of the credit; None where the terms say nothing or nothing was earned."""
    if settled is None:
        return None
    return {
        "kind": settled.kind,
        "on": settled.on,
        "state": settled.state,
        "amount": str(settled.amount),
        "claimable": str(settled.claimable),
        "until": _instant(settled.until),
        "claimed_at": _instant(settled.claimed_at),
        "expires_at": _instant(settled.expires_at),
        "text": settled.text,
    }


def _instant(ms: int | None) -> str | None:
    return None if ms is None else format_instant(ms)


def _caps(lines: tuple[CapLine, ...]) -> list[Report]:
    return [
        {"key": line.key, "item": line.item, "amount": str(line.amount), "text": line.text}
        for line in lines
    ]


def _figure(result: MetricResult) -> str | None:
    """What a metric judged by a figure came to, in the unit of its target; None: not measured."""
    figure, bound = result.outcome.figure, result.metric.target.figure
    if figure is None:
        return None
    if bound is None or bound.measure == "on_time":
        return f"{plain(fixed(figure, 3))} %"
    scale = VALUE_UNITS.get(bound.unit, 1)
    return say_value(fixed(figure / scale, 3) * scale, bound.unit)


def _trace(service: Interval, lines: tuple[TraceLine, ...]) -> Report:
    """Every stretch that isn't plain up; `up_ms` is the rest of the time in service."""
    rest = subtract([service], [(line.start, line.end) for line in lines])
    return {
        "up_ms": total(rest),
        "lines": [
            {
                "start": format_instant(line.start),
                "end": format_instant(line.end),
                "length_ms": line.end - line.start,
                "class": line.kind,
                "resource": line.resource,
                "reason": line.reason,
            }
            for line in lines
        ],
    }


def _exclusion(each: Excluded) -> Report:
    return {
        "window": each.window.id,
        "class": each.window.kind,
        "start": format_instant(each.window.start),
        "end": format_instant(each.window.end),
        "valid": each.valid,
        "parts": _spans(each.parts),
        "reason": each.reason,
    }


def _credits(terms: Terms, found: Evaluation) -> Report:
    quantum = Decimal(1).scaleb(-terms.decimals)
    given = sum((result.credit.amount for result in found.results), Decimal(0))
    taken = sum((line.amount for line in found.caps), Decimal(0))
    open_results = [result for result in found.results if result.result == "needs_review"]
    return {
        "before_caps": str(given.quantize(quantum)),
        "taken_by_caps": str(taken.quantize(quantum)),
        "total": str(found.credit_total.quantize(quantum)),
        "claimable": str(found.claimable_total.quantize(quantum)),
        "vouchers": str(found.voucher_total.quantize(quantum)),
        "carried": None if found.carried is None else str(found.carried.quantize(quantum)),
        "awaiting_review": [result.id for result in open_results],
    }
