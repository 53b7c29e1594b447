"""The incidents of a statement: whether each counts and why, and what people ruled about it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dcim.sla.rules.evaluation import Evaluation, MetricResult
from dcim.sla.rules.intervals import Interval, clip, total, union
from dcim.sla.rules.periods import format_instant, parse_instant
from dcim.sla.rules.quantities import grouped, say_span
from dcim.sla.rules.terms import Text
from dcim.statements.inputs import Case
from dcim.statements.performance import counted_parts, resource_labels, say_reason, seconds
from dcim.statements.rulings import effective_span, ruling_of, splits

LINK_WORDS: dict[str, Text] = {
    "during_maintenance": {"zh": "归入维护 {to}", "en": "attached to maintenance {to}"},
    "consequence": {"zh": "由 {to} 引起", "en": "a consequence of {to}"},
    "merge": {"zh": "与 {to} 合为一次事件", "en": "one event together with {to}"},
    "split": {"zh": "自 {to} 起另为一次事件", "en": "another event from {to} on"},
}


def incident_sections(case: Case, evaluation: Evaluation) -> list[dict[str, Any]]:
    """All incidents by start, each with whether and in which metric it counts, and why."""
    sections = []
    labels = resource_labels(case)
    for entry in case.inputs["incidents"]:
        measured = parse_instant(entry["start"]), parse_instant(entry["end"])
        start, end = effective_span(case.inputs, entry, _instant)
        if not clip([measured, (start, end)], case.period.start, case.period.end):
            continue
        ruling = ruling_of(case.inputs, entry["id"], _instant)
        names = set(entry["resources"])
        counted: list[Interval] = []
        metrics: list[MetricResult] = []
        happened = ruling is None or ruling["ruling"] != "did_not_happen"
        for result in evaluation.results if happened else ():
            if not names & set(result.resources):
                continue
            parts = clip(counted_parts(result.outcome), start, end)
            if parts:
                counted += parts
                metrics.append(result)
        reason, informative = _why(evaluation, names, (start, end), metrics, union(counted), labels)
        if metrics:
            reason = _with_credit(reason, case, metrics, (start, end))
        ruled: dict[str, Any] = {}
        if ruling is not None:
            said = say_ruling(ruling, case.zone)
            reason = _join(said, reason) if happened else said
            informative = informative and happened
            ruled["overruled"] = _overruled(ruling, entry, said)
        if links := _links_of(case, entry["id"], (start, end)):
            reason = _join(reason, *(link["text"] for link in links))
            ruled["links"] = links
        if "recorded" in entry:
            ruled["recorded"] = dict(entry["recorded"])
        sections.append(
            {
                "id": entry["id"],
                "start": format_instant(start),
                "end": format_instant(end),
                "seconds": seconds(end - start),
                "what": entry["what"],
                "place": entry["place"],
                "cause": (ruling or {}).get("cause") or entry["cause"],
                "detector": entry["detector"],
                "counted": bool(counted),
                "counted_s": seconds(total(counted)),
                "information": informative,
                "reason": reason,
                "metrics": [result.id for result in metrics],
                "evidence": list(entry["evidence"]),
                **ruled,
            }
        )
    _tell_once(case, sections)
    return sorted(sections, key=lambda section: (section["start"], section["id"]))


def say_ruling(ruling: Mapping[str, Any], zone: str) -> Text:
    """What was measured, what it was overruled to, by whom and why."""
    measured = _say_times(ruling["measured"], zone)
    to: Text
    if ruling["ruling"] == "times":
        to = dict.fromkeys(("zh", "en"), _say_times(ruling, zone))
    else:
        to = {
            "did_not_happen": {"zh": "未发生", "en": "did not happen"},
            "as_measured": {"zh": "以实测为准", "en": "as measured"},
            "cause": {"zh": "原因另定", "en": "another cause"},
        }[ruling["ruling"]]
    cause, kind = ruling.get("cause"), ruling.get("class")
    if cause:
        to = {"zh": f"{to['zh']}：{cause['zh']}", "en": f"{to['en']}: {cause['en']}"}
    if kind:
        to = {"zh": f"{to['zh']}（{kind}）", "en": f"{to['en']} ({kind})"}
    who = ruling["proposed_by"], ruling["accepted_by"]
    return {
        "zh": f"实测 {measured}，改判为 {to['zh']}；{who[0]} 提出、{who[1]} 批准，"
        f"理由：{ruling['reason']}",
        "en": f"measured {measured}, overruled to {to['en']} by {who[0]} and {who[1]}, "
        f"because: {ruling['reason']}",
    }


def _overruled(ruling: Mapping[str, Any], entry: Mapping[str, Any], said: Text) -> dict[str, Any]:
    """The original beside who decided otherwise, when and why."""
    start, end = (parse_instant(ruling["measured"][key]) for key in ("start", "end"))
    return {
        "id": ruling["id"],
        "ruling": ruling["ruling"],
        "class": ruling.get("class", ""),
        "measured": {
            "start": format_instant(start),
            "end": format_instant(end),
            "seconds": seconds(end - start),
            "cause": entry["cause"],
        },
        "text": said,
        **{
            key: ruling[key]
            for key in (
                "reason", "proposed_by", "proposed_at", "accepted_by", "accepted_at", "decision",
            )
        },
    }  # fmt: skip


def _links_of(case: Case, incident: str, span: Interval) -> list[dict[str, Any]]:
    """How people hung it together with others; a merge is told on both sides, and no split outside
    of when it lasted."""
    found = []
    for link in case.inputs.get("links", []):
        to = link.get("other") or link.get("window") or ""
        if link["kind"] == "merge" and link["other"] == incident:
            to = link["incident"]
        elif link["incident"] != incident:
            continue
        if link["kind"] == "split":
            if not splits(link, span, _instant):
                continue
            to = _say_instant(_instant(link["at"]), case.zone)
        said = {key: words.format(to=to) for key, words in LINK_WORDS[link["kind"]].items()}
        found.append(
            {
                "id": link["id"],
                "kind": link["kind"],
                "to": to,
                "text": {
                    "zh": f"{said['zh']}（{link['by']}：{link['reason']}）",
                    "en": f"{said['en']} ({link['by']}: {link['reason']})",
                },
                "by": link["by"],
                "made_at": link["made_at"],
                "reason": link["reason"],
            }
        )
    return found


def _instant(text: str, place: str = "") -> int:
    return parse_instant(text)


def _say_instant(ms: int, zone: str) -> str:
    local = datetime.fromtimestamp(ms / 1000, ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M:%S}"


def _say_times(span: Mapping[str, Any], zone: str) -> str:
    return " – ".join(_say_instant(parse_instant(span[key]), zone) for key in ("start", "end"))


def _join(*texts: Text) -> Text:
    return {
        "zh": "；".join(text["zh"] for text in texts),
        "en": "; ".join(text["en"] for text in texts),
    }


def _tell_once(case: Case, sections: list[dict[str, Any]]) -> None:
    """Losing one feed counts only as part of losing all: that incident carries the downtime."""
    resources = {entry["id"]: set(entry["resources"]) for entry in case.inputs["incidents"]}
    counted = [section for section in sections if section["counted"]]
    wholes = [
        (part, whole)
        for part in counted
        for whole in counted
        if resources[part["id"]] < resources[whole["id"]]
        and part["metrics"] == whole["metrics"]
        and part["counted_s"] <= whole["counted_s"]
        and max(part["start"], whole["start"]) < min(part["end"], whole["end"])
    ]
    for part, whole in wholes:
        length = say_span(round(part["counted_s"] * 1000))
        part["counted"], part["counted_s"], part["metrics"] = False, 0, []
        part["information"] = True
        counts: Text = {
            "zh": f"仅一部分中断不计；与其余同时中断的 {length[0]}计入 {whole['id']}",
            "en": f"losing some does not count; the {length[1]} in which all were down count "
            f"in {whole['id']}",
        }
        ruled = [part["overruled"]["text"]] if "overruled" in part else []
        part["reason"] = _join(*ruled, counts, *(link["text"] for link in part.get("links", [])))


def _with_credit(reason: Text, case: Case, metrics: list[MetricResult], span: Interval) -> Text:
    """The reason with the money, where the credits come from this incident alone."""
    alone = all(
        total(clip(counted_parts(result.outcome), *span)) == total(counted_parts(result.outcome))
        for result in metrics
    )
    money = sum((result.credit.amount for result in metrics), Decimal(0))
    if not alone or not money:
        return reason
    said = f"{grouped(money)} {case.terms.currency}"
    return {"zh": f"{reason['zh']}，抵扣 {said}", "en": f"{reason['en']}, credit {said}"}


def _why(
    evaluation: Evaluation,
    names: set[str],
    span: Interval,
    metrics: list[MetricResult],
    counted: list[Interval],
    labels: dict[str, Text],
) -> tuple[Text, bool]:
    """(reason, whether it is only for information)."""
    if metrics:
        titles = {
            key: {"zh": "、", "en": ", "}[key].join(
                dict.fromkeys(result.metric.title[key] for result in metrics)
            )
            for key in ("zh", "en")
        }
        text = {"zh": f"计入{titles['zh']}", "en": f"counted in {titles['en']}"}
        if total(counted) < span[1] - span[0]:
            length = say_span(total(counted))
            text = {
                "zh": f"{text['zh']}（其中 {length[0]}）",
                "en": f"{text['en']} ({length[1]} of it)",
            }
        return text, False
    lengths: dict[tuple[str, str, str], int] = {}
    for result in evaluation.results:
        if not names & set(result.resources):
            continue
        for line in result.measurement.trace:
            part = total(clip([(line.start, line.end)], *span))
            said = say_reason(line, labels)
            key = (line.kind, said["zh"], said["en"])
            if part:
                lengths[key] = lengths.get(key, 0) + part
    if not lengths:
        return {
            "zh": "不涉及已约定的服务等级，列为信息",
            "en": "concerns no agreed service level; listed for information",
        }, True
    kind, zh, en = max(sorted(lengths), key=lambda key: lengths[key])
    if kind == "degraded":
        return {"zh": f"{zh}，列为信息", "en": f"{en}; listed for information"}, True
    return {"zh": zh, "en": en}, False
