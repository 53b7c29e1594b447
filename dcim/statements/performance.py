"""Sections on what was promised: metrics, incidents, maintenance, day grid, rights, verdict."""

from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Any

from dcim.sla.rules.budget import allowed
from dcim.sla.rules.evaluation import Evaluation, MetricResult
from dcim.sla.rules.intervals import Interval, clip, intersect, subtract, total
from dcim.sla.rules.language.metric_words import say_promise
from dcim.sla.rules.language.value_words import say_value
from dcim.sla.rules.measures.availability import degraded_reason
from dcim.sla.rules.outcomes import Outcome, TraceLine
from dcim.sla.rules.periods import day_start, format_instant, parse_instant
from dcim.sla.rules.quantities import VALUE_UNITS, fixed, plain, say_share
from dcim.sla.rules.steps import Step
from dcim.sla.rules.terms import Text
from dcim.statements.inputs import Case

HOUR = 3_600_000
RESULT_TEXT: dict[str, Text] = {
    "met": {"zh": "达标", "en": "Met"},
    "breached": {"zh": "未达标", "en": "Breached"},
    "needs_review": {"zh": "待核定", "en": "Needs review"},
    "unpriced": {"zh": "未达标（无约定抵扣）", "en": "Missed, no credit agreed"},
    "not_eligible": {"zh": "未达标（不满足抵扣条件）", "en": "Missed, not eligible"},
}
LATER: Text = {"zh": "（计入下期账单）", "en": " on the next statement"}
BASE_TEXT: dict[str, Text] = {
    "item": {"zh": "该服务项月费", "en": "monthly fee of the item"},
    "item_rent": {"zh": "该服务项当期租费", "en": "rent of the item in the period"},
    "contract": {"zh": "合同月费合计", "en": "all monthly fees of the contract"},
    "site": {"zh": "该站点月费合计", "en": "monthly fees at the item's site"},
    "invoice": {"zh": "本期账单", "en": "the period's invoice"},
    "next_invoice": {"zh": "下期账单", "en": "the next invoice"},
    "larger_of_fee_and_usage": {
        "zh": "月费与按量费用中较高者",
        "en": "the larger of monthly fee and usage",
    },
    "paid": {"zh": "当期实付现金", "en": "what was paid in money"},
    "area_share": {"zh": "按面积分摊的站点月费", "en": "the area's share of the site's fees"},
}


def seconds(ms: int) -> int | float:
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def say_step(step: Step, clause: str) -> dict[str, Any]:
    return {
        "key": step.key,
        "label": step.label,
        "formula": step.formula,
        "result": step.result,
        "clause": clause,
    }


def say_reason(line: TraceLine, labels: dict[str, Text]) -> Text:
    """Why a stretch counts or not, with the label of the resource in place of its name."""
    return degraded_reason(labels[line.resource]) if line.resource in labels else line.reason


def resource_labels(case: Case) -> dict[str, Text]:
    return {entry["name"]: entry["label"] for entry in case.inputs["resources"]}


def item_names(case: Case) -> dict[str, Text]:
    """What a buyer calls each item: the cabinet, the port; without a name its label."""
    return {entry["id"]: entry.get("name") or entry["label"] for entry in case.inputs["items"]}


def metric_section(
    result: MetricResult, labels: dict[str, Text], names: dict[str, Text]
) -> dict[str, Any]:
    metric, outcome, service = result.metric, result.outcome, result.measurement.service
    exact = allowed(metric.target, outcome.denominator_ms)
    left = None if exact is None else exact.__floor__()
    used = None
    if left:
        used = str(fixed(Fraction(outcome.downtime_ms * 100, left), 1))
    target = say_promise(metric)
    credit = result.credit
    base = metric.credit.base if metric.credit else "item"
    figure = {"figure": say_reached(result)} if outcome.by_figure else {}
    return {
        **figure,
        "id": result.id,
        "metric": metric.id,
        "label": metric.title,
        "item": result.item.id,
        "subject": names[result.item.id],
        "clause": metric.clause,
        "kind": metric.kind,
        "resources": list(result.resources),
        "combine": metric.combine,
        "target": {
            "text": target,
            "availability_pct": _plain(metric.target.availability),
            "downtime_s": None
            if metric.target.downtime_ms is None
            else seconds(metric.target.downtime_ms),
            "events": metric.target.events,
        },
        "result": result.result,
        "result_text": RESULT_TEXT[result.result],
        "notes": list(result.notes),
        "availability_pct": say_share(
            outcome.availability, target=result.metric.target.availability
        ),
        "availability_best_pct": say_share(_extreme(result, max)),
        "availability_worst_pct": say_share(_extreme(result, min)),
        "downtime_s": seconds(outcome.downtime_ms),
        "excluded_s": seconds(outcome.excluded_ms),
        "unknown_s": seconds(result.measurement.outcomes["left_out"].unknown_ms),
        "denominator_s": seconds(outcome.denominator_ms),
        "service_s": seconds(service[1] - service[0]),
        "allowed_s": None if left is None else seconds(left),
        "budget_used_pct": used,
        "coverage_pct": say_share(result.measurement.coverage),
        "events": len(outcome.events),
        "credit": {
            "amount": str(credit.amount),
            "pct": str(fixed(credit.pct, 6)),
            "row": credit.row,
            "base": str(credit.base),
            "base_text": BASE_TEXT[base],
            "capped": credit.capped,
            "at_least": str(result.at_least),
            "at_most": str(result.at_most),
            "steps": [say_step(step, metric.clause) for step in credit.steps],
        },
        "trace": [
            {
                "start": format_instant(line.start),
                "end": format_instant(line.end),
                "seconds": seconds(line.end - line.start),
                "class": line.kind,
                "counted": line.kind == "down",
                "reason": say_reason(line, labels),
            }
            for line in result.measurement.trace
        ],
    }


def say_reached(result: MetricResult) -> Text | None:
    """What a metric judged by a figure came to, in the unit of its target; None: not measured."""
    figure, bound = result.outcome.figure, result.metric.target.figure
    if figure is None:
        return None
    if bound is None or bound.measure == "on_time":
        value = f"{plain(fixed(figure, 3))} %"
        return {"zh": f"按时 {value}", "en": f"{value} in time"}
    scale = VALUE_UNITS.get(bound.unit, 1)
    value = say_value(fixed(figure / scale, 3) * scale, bound.unit)
    return {"zh": value, "en": value}


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _extreme(result: MetricResult, pick: Any) -> Fraction | None:
    found = [o.availability for o in result.measurement.outcomes.values()]
    known: list[Fraction] = [value for value in found if value is not None]
    return pick(known) if known else None


def counted_parts(outcome: Outcome) -> list[Interval]:
    return [part for event in outcome.events for part in event.parts]


def maintenance_sections(case: Case, evaluation: Evaluation) -> list[dict[str, Any]]:
    sections = []
    for entry in case.inputs["maintenance"]:
        start, end = parse_instant(entry["start"]), parse_instant(entry["end"])
        if end <= case.period.start or start >= case.period.end:
            continue
        announced = entry["announced_at"]
        found = [
            (result, item)
            for result in evaluation.results
            for item in result.measurement.exclusions
            if item.window.id == entry["id"]
        ]
        required = [i.rule.notice.ms for _, i in found if i.rule.notice and i.rule.notice.ms]
        valid = bool(found) and all(item.valid for _, item in found)
        whole = all(item.whole for _, item in found)
        sections.append(
            {
                "id": entry["id"],
                "title": entry["title"],
                "start": format_instant(start),
                "end": format_instant(end),
                "announced_at": None
                if announced is None
                else format_instant(parse_instant(announced)),
                "notice_hours": None
                if announced is None
                else str(
                    fixed(Fraction(max(start - parse_instant(announced), 0), HOUR), 1, ROUND_DOWN)
                ),
                "notice_required_hours": str(fixed(Fraction(max(required), HOUR), 1))
                if required
                else None,
                "valid": valid,
                "scope": list(entry["resources"]),
                "recipients": list(entry["recipients"]),
                "effect": _effect(valid=valid, concerned=bool(found), whole=whole),
                "effects": [
                    {
                        "metric": result.id,
                        "valid": item.valid,
                        "excluded_s": seconds(total(item.parts)),
                    }
                    for result, item in found
                ],
                **_proof(entry),
            }
        )
    return sorted(sections, key=lambda section: (section["start"], section["id"]))


def _proof(entry: dict[str, Any]) -> dict[str, Any]:
    """What an entry tells of its notices and approval; one without either tells what it always
    did."""
    if "notices" not in entry and "approval" not in entry:
        return {}
    told = ("class", "notices", "approved", "approval", "evidence")
    return {key: entry[key] for key in told if key in entry}


def _effect(*, valid: bool, concerned: bool, whole: bool) -> Text:
    if not concerned:
        return {"zh": "不影响已约定的服务等级", "en": "no agreed service level is affected"}
    if valid and not whole:
        return {
            "zh": "通知后时间有变：仅按约通知的部分不计",
            "en": "its times changed after the notice: only the part announced as agreed is not "
            "counted",
        }
    if valid:
        return {
            "zh": "已按约通知：其间中断不计",
            "en": "announced as agreed: downtime inside it is not counted",
        }
    return {
        "zh": "通知不足：其间中断照计",
        "en": "not announced as agreed: downtime inside it counts",
    }


def day_sections(case: Case, evaluation: Evaluation) -> list[dict[str, Any]]:
    """Per metric and local day, seconds of each class; bad but not counted is degraded."""
    edges = [day_start(day, case.zone) for day in case.days]
    edges.append(day_start(case.days[-1] + timedelta(days=1), case.zone))
    sections = []
    for result in evaluation.results:
        spans: dict[str, list[Interval]] = {}
        for line in result.measurement.trace:
            kind = "degraded" if line.kind in ("ignored", "before_clock") else line.kind
            spans.setdefault(kind, []).append((line.start, line.end))
        days = []
        for index, day in enumerate(case.days):
            low, high = edges[index], edges[index + 1]
            row: dict[str, Any] = {"date": day.isoformat()}
            for kind in ("down", "degraded", "unknown", "excluded"):
                row[f"{kind}_s"] = seconds(total(clip(spans.get(kind, []), low, high)))
            inside = intersect([(low, high)], [result.measurement.service])
            row["outside_s"] = seconds(total(subtract([(low, high)], inside)))
            days.append(row)
        sections.append({"metric": result.id, "days": days})
    return sections


def termination_sections(evaluation: Evaluation) -> list[dict[str, Any]]:
    """One entry a right and metric; `metric` names the item too."""
    return [
        {
            "metric": right.metric,
            "text": right.text,
            "reached": right.reached,
            "value": right.value,
            **({} if right.known else {"known": False}),
        }
        for right in evaluation.rights
    ]


def verdict_section(
    evaluation: Evaluation, currency: str, unpriced: int = 0, *, waits: bool = False
) -> dict[str, Any]:
    """`unpriced`: usages with a line that lacks a fact. Like a metric to be reviewed they make the
    statement one that a person looks at; what is breached stays breached. `waits`: the credits go
    to the next statement."""
    counts = {
        kind: sum(1 for result in evaluation.results if result.result == kind)
        for kind in RESULT_TEXT
    }
    missed = counts["breached"] + counts["unpriced"] + counts["not_eligible"]
    all_of_them = len(evaluation.results)
    given = evaluation.credit_total
    zh, en = [], []
    if missed:
        zh.append(f"{all_of_them} 项指标中 {missed} 项未达标")
        en.append(f"{missed} of {all_of_them} service levels missed")
    if counts["needs_review"]:
        zh.append(f"{counts['needs_review']} 项待核定")
        en.append(f"{counts['needs_review']} to be reviewed")
    if unpriced:
        zh.append(f"{unpriced} 项用量缺少事实、未计价，待核定")
        en.append(f"{unpriced} usage charges without a price, to be reviewed")
    if not zh:
        zh.append(f"{all_of_them} 项指标全部达标" if all_of_them else "本期无约定指标")
        en.append(
            f"all {all_of_them} service levels met" if all_of_them else "no service levels agreed"
        )
    if given:
        later = LATER if waits else {"zh": "", "en": ""}
        zh.append(f"服务抵扣 {given:,} {currency}{later['zh']}")
        en.append(f"credits of {currency} {given:,}{later['en']}")
    said = ", ".join(en)
    return {
        "result": "needs_review"
        if unpriced and evaluation.verdict != "breached"
        else evaluation.verdict,
        "metrics": all_of_them,
        **counts,
        **({"unpriced_usage": unpriced} if unpriced else {}),
        "credits": str(-given) if given else str(given),
        "text": {"zh": "，".join(zh), "en": said[0].upper() + said[1:]},
    }
