"""What a contract's month may cost in credits, and what of it a person must decide; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from dcim.sla.rules.evaluation import evaluate_metric, sum_fees
from dcim.sla.rules.forecast import Amounts, Forecast, Promise, forecast
from dcim.sla.rules.outcomes import Treatment
from dcim.sla.rules.results import MetricResult
from dcim.statements.carrying import without_invoices
from dcim.statements.error_budgets import BudgetLine, judge_to_date
from dcim.statements.inputs import Case
from dcim.statements.performance import item_names, resource_labels

# Of each result to review so many stretches are told one by one; the rest is counted.
SHOWN_GAPS = 12
TREATMENTS: tuple[Treatment, ...] = ("up", "down", "left_out")


@dataclass(frozen=True, slots=True)
class JudgedMonth:
    """`lines` and `reviews` hold only what JSON can: instants are UTC ms, money is text."""

    period: str
    currency: str
    told: Forecast
    lines: list[dict[str, Any]]
    reviews: list[dict[str, Any]]

    @property
    def at_risk(self) -> Decimal:
        """The highest of what may be booked."""
        futures = (self.told.owed, self.told.at_rate, self.told.if_open)
        return max(each.likely for each in futures if each is not None)

    @property
    def open_since(self) -> int | None:
        began = [one.open_since for one in self.told.promises if one.open_since is not None]
        return min(began, default=None)

    @property
    def nearest(self) -> Promise | None:
        """Whose next step comes first: of those that are open, where any is."""
        is_open = self.open_since is not None
        found = [
            one
            for one in self.told.promises
            if one.step is not None and (one.open_since is not None or not is_open)
        ]
        # Of equals the dearest.
        return min(
            found,
            key=lambda one: (one.step.after_ms, -one.step.amount) if one.step else (0, Decimal(0)),
            default=None,
        )


def judge_month(case: Case, until: int) -> JudgedMonth:
    """`case` as `open_case` gives it; `until` (UTC ms) the month's end for one that is closed.

    What the invoice can't take is at risk too: it isn't known before the statement."""
    told = forecast(without_invoices(case.terms), case.facts, case.period, until)
    budgets = {line.id: line for line in judge_to_date(case, until).lines}
    return JudgedMonth(
        case.inputs["period"],
        case.terms.currency,
        told,
        [_line(one, budgets[one.result.id]) for one in told.promises],
        list(
            list_reviews(
                case,
                (one.result for one in told.promises),
                is_closed=told.until >= told.period.end,
            )
        ),
    )


def _line(promise: Promise, budget: BudgetLine) -> dict[str, Any]:
    step = promise.step
    return {
        **{key: value for key, value in asdict(budget).items() if key != "by_figure"},
        "owed": _say(promise.owed),
        "at_rate": _say(promise.at_rate),
        "if_open": _say(promise.if_open),
        "open_since": promise.open_since,
        "is_dark": promise.is_dark,
        "runs_out_at": promise.runs_out_at,
        "step": None if step is None else {"after_ms": step.after_ms, "amount": str(step.amount)},
    }


def _say(amounts: Amounts | None) -> dict[str, str] | None:
    if amounts is None:
        return None
    return {name: str(value) for name, value in asdict(amounts).items()}


# -- what a person must decide --------------------------------------------------------------------


def list_reviews(
    case: Case, results: Iterable[MetricResult], *, is_closed: bool
) -> Iterable[dict[str, Any]]:
    """Results left open or without a price, and those whose credit hangs on unmeasured time; of a
    month that is over with what each decision would mean."""
    labels, names = resource_labels(case), item_names(case)
    for result in results:
        varies = result.at_least != result.at_most
        if result.result in ("needs_review", "unpriced") or varies:
            review = _review(result, labels, names[result.item.id])
            if is_closed and result.result == "needs_review":
                review["meanings"] = _suppose(case, result)
            yield review


def _review(
    result: MetricResult, labels: Mapping[str, Any], name: Mapping[str, str]
) -> dict[str, Any]:
    unknown = [line for line in result.measurement.trace if line.kind == "unknown"]
    return {
        "id": result.id,
        "title": result.metric.title,
        "item": result.item.id,
        "name": dict(name),
        "clause": result.metric.clause,
        "result": result.result,
        "least": str(result.at_least),
        "most": str(result.at_most),
        "notes": [dict(note) for note in result.notes],
        "resources": [
            {"name": each, "label": labels.get(each, {"zh": each, "en": each})}
            for each in result.resources
        ],
        "gaps": [
            {"start": line.start, "end": line.end, "reason": dict(line.reason)}
            for line in unknown[:SHOWN_GAPS]
        ],
        "gaps_in_all": len(unknown),
        "unknown_ms": sum(line.end - line.start for line in unknown),
    }


def _suppose(case: Case, result: MetricResult) -> list[dict[str, str]]:
    """The verdict and the credit, before caps and claims, were the unmeasured time decided so."""
    [metric] = [each for each in case.terms.metrics if each.id == result.metric.id]
    found = []
    for treatment in TREATMENTS:
        decided = {**case.facts.decisions, result.id: treatment}
        supposed = evaluate_metric(
            case.terms,
            metric,
            result.item,
            replace(case.facts, decisions=decided),
            case.period,
            sum_fees(case.facts),
        )
        found.append(
            {
                "treat_unknown": treatment,
                "result": supposed.result,
                "amount": str(supposed.credit.amount),
            }
        )
    return found
