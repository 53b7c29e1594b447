"""The words of a notice of maintenance, Chinese and English; pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dcim.sla.rules.quantities import say_span
from dcim.sla.rules.terms import Text

KIND_WORDS: dict[str, Text] = {
    "maintenance": {"zh": "计划维护", "en": "planned maintenance"},
    "emergency": {"zh": "紧急维护", "en": "emergency maintenance"},
    "force_majeure": {"zh": "不可抗力", "en": "force majeure"},
    "customer_caused": {"zh": "客户原因", "en": "at the customer's request"},
}
RISK_WORDS: dict[str, Text] = {
    "low": {"zh": "低", "en": "low"},
    "medium": {"zh": "中", "en": "medium"},
    "high": {"zh": "高", "en": "high"},
}
LOSS_WORDS: dict[str, Text] = {
    "down": {"zh": "全部供电中断", "en": "loses all its power"},
    "overloaded": {
        "zh": "一路供电中断，另一路可能过载跳闸",
        "en": "loses one feed; the other may trip on overload",
    },
    "port": {"zh": "端口中断", "en": "the port is down"},
    "battery": {"zh": "由 UPS 电池供电", "en": "runs on UPS batteries"},
    "no_redundancy": {"zh": "一路供电中断，失去冗余", "en": "loses one of its feeds"},
    "devices": {"zh": "个别设备断电", "en": "some machines lose power"},
    "room": {"zh": "所在机房施工", "en": "work in the room"},
}


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """What an item loses: `losses` are (kind of LOSS_WORDS, where, lost, kept)."""

    contract: str
    code: str
    label: Text
    losses: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """`before`: the times told last, where they were others."""

    code: str
    title: Text
    kind: str
    risk: str
    reason: Text
    customer: Text
    timezone: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    before: tuple[dt.datetime, dt.datetime] | None
    items: Sequence[NoticeItem]
    needs_approval: bool = False


def write_notice(facts: NoticeFacts, language: str) -> str:
    """Plain text, to be sent as it is; in "zh" or "en"."""
    return "\n".join(_write_zh(facts) if language == "zh" else _write_en(facts)) + "\n"


def _write_zh(facts: NoticeFacts) -> list[str]:
    length = say_span(round((facts.ends_at - facts.starts_at).total_seconds() * 1000))[0]
    lines = [
        f"【{KIND_WORDS[facts.kind]['zh']}通知】{facts.code} {facts.title['zh']}",
        "",
        f"{facts.customer['zh']}：",
        "",
        (
            f"维护时间：{say_times(facts.starts_at, facts.ends_at, facts.timezone, ' 至 ')}"
            f"（{facts.timezone}，共 {length}）"
        ),
    ]
    if facts.before is not None:
        lines.append(
            f"时间变更：此前通知的 {say_times(*facts.before, facts.timezone, ' 至 ')} 作废，"
            "以本通知为准。"
        )
    lines.append(f"风险等级：{RISK_WORDS[facts.risk]['zh']}")
    if facts.reason["zh"]:
        lines.append(f"维护原因：{facts.reason['zh']}")
    lines += ["", "对贵方服务的影响："]
    for item in facts.items:
        lines.append(f"- {item.label['zh']}（合同 {item.contract}，服务项 {item.code}）")
        for kind, where, lost, kept in item.losses:
            what = f"{where}：{LOSS_WORDS[kind]['zh']}"
            if kind != "port" and lost:
                what += f"，中断 {lost} 路"
            if kept:
                what += f"，保留 {kept}{'' if kind == 'port' else ' 路'}"
            lines.append(f"  · {what}")
    if facts.needs_approval:
        lines += ["", "按合同约定，本次维护须经贵方同意，请在客户门户“维护窗口”中确认。"]
    else:
        lines += ["", "如有异议，请在维护开始前于客户门户“维护窗口”中提出，或联系我们。"]
    return lines


def _write_en(facts: NoticeFacts) -> list[str]:
    length = say_span(round((facts.ends_at - facts.starts_at).total_seconds() * 1000))[1]
    kind = KIND_WORDS[facts.kind]["en"]
    lines = [
        f"Notice of maintenance {facts.code}: {facts.title['en']}",
        "",
        f"To {facts.customer['en']}",
        "",
        (
            f"Time: {say_times(facts.starts_at, facts.ends_at, facts.timezone, ' to ')}"
            f" ({facts.timezone}, {length})"
        ),
    ]
    if facts.before is not None:
        lines.append(
            f"This replaces the time told before, "
            f"{say_times(*facts.before, facts.timezone, ' to ')}."
        )
    lines += [f"Kind: {kind}", f"Risk: {RISK_WORDS[facts.risk]['en']}"]
    if facts.reason["en"]:
        lines.append(f"Reason: {facts.reason['en']}")
    lines += ["", "What it means for your services:"]
    for item in facts.items:
        lines.append(f"- {item.label['en']} (contract {item.contract}, item {item.code})")
        for kind, where, lost, kept in item.losses:
            what = f"{where}: {LOSS_WORDS[kind]['en']}"
            if kind != "port" and lost:
                what += f", feed {lost} off"
            if kept:
                what += f", {kept} stays" if kind == "port" else f", feed {kept} stays"
            lines.append(f"  · {what}")
    if facts.needs_approval:
        lines += [
            "",
            (
                "By your contract this work needs your approval. Please decide under "
                "Maintenance in the customer portal."
            ),
        ]
    else:
        lines += [
            "",
            (
                "If you object, please say so before it begins, under Maintenance in the customer "
                "portal, or call us."
            ),
        ]
    return lines


def say_times(starts_at: dt.datetime, ends_at: dt.datetime, zone: str, until: str) -> str:
    """Local wall clock; the end's date where it is another day."""
    start, end = (at.astimezone(ZoneInfo(zone)) for at in (starts_at, ends_at))
    same = start.date() == end.date()
    return f"{start:%Y-%m-%d %H:%M}{until}{end:{'%H:%M' if same else '%Y-%m-%d %H:%M'}}"
