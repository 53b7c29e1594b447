"""The words that an escalation's step is told in, Chinese and English; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from dcim.alarms.alarm_mail import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    SEVERITY_WORDS,
    AlarmFacts,
    write_line,
)
from dcim.sla.rules.terms import Text

SHOWN = 12
BY_WORDS: dict[str, Text] = {
    "rotation": {"zh": "轮值", "en": "by rotation"},
    "holiday": {"zh": "节假日值班", "en": "for the holiday"},
    "override": {"zh": "替班", "en": "standing in"},
}
MISSED_WORDS: dict[str, Text] = {
    "gap": {"zh": "无人值班", "en": "nobody is on call"},
    "inactive": {"zh": "账号已停用或没有邮箱", "en": "the account is off or has no mail address"},
    "no_mail": {"zh": "系统未设置邮件", "en": "mail isn't set up"},
    "endpoint_off": {"zh": "通知端点已停用或删除", "en": "the endpoint is off or deleted"},
}


@dataclass(frozen=True, slots=True)
class Missed:
    """A step that reached nobody: which, from 1; why (MISSED_WORDS); whom it was for."""

    step: int
    outcome: str
    whom: str


@dataclass(frozen=True, slots=True)
class EscalationFacts:
    """`step` counts from 1; 0 when no step is left and whoever is mailed about alarms is told.
    `minutes` nobody has acknowledged it; `by` is in BY_WORDS, or "" for who is named."""

    alarm: AlarmFacts
    url: str
    policy: str
    step: int
    minutes: int
    by: str = ""
    calendar: str = ""
    missed: tuple[Missed, ...] = ()


def write_subject(told: Sequence[EscalationFacts], operator: Text, language: str) -> str:
    """One line: the gravest, and how many more."""
    first, more = told[0].alarm, len(told) - 1
    word = SEVERITY_WORDS[first.severity][language]
    if language == "zh":
        said = f"【{operator['zh']}】告警升级（{word}，无人确认）：{first.label} {first.rule['zh']}"
        said += f" 等 {more + 1} 条" if more else ""
    else:
        said = f"{operator['en']}: escalated, {word}, nobody has acknowledged it: "
        said += f"{first.label} {first.rule['en']}" + (f" and {more} more" if more else "")
    return " ".join(said.split())[:LONGEST_SUBJECT]


def write_text(told: Sequence[EscalationFacts], url: str, language: str) -> str:
    """Plain text: of each its line, why it comes here, who was not reached, its page."""
    lines: list[str] = []
    for one in told[:SHOWN]:
        lines += [write_line(one.alarm, language), f"  {_say_why(one, language)}"]
        lines += [f"  {_say_missed(miss, language)}" for miss in one.missed]
        lines += [f"  {one.url}", ""]
    more = len(told) - SHOWN
    if more > 0:
        lines += [f"另有 {more} 条。" if language == "zh" else f"And {more} more.", ""]
    return ("\n".join([*lines, url]) + "\n")[:LONGEST_TEXT]


def _say_why(one: EscalationFacts, language: str) -> str:
    by = BY_WORDS[one.by][language] if one.by else ""
    policy, calendar = _line(one.policy), _line(one.calendar)
    if language == "zh":
        said = f"{one.minutes} 分钟无人确认；升级策略“{policy}”"
        said += f"第 {one.step} 步" if one.step else "已无人可通知"
        return said + (f"；您正在值班（{calendar}，{by}）" if by else "")
    said = f'nobody has acknowledged it for {one.minutes} min; policy "{policy}"'
    said += f", step {one.step}" if one.step else ": nobody is left to tell"
    return said + (f"; you are on call ({calendar}, {by})" if by else "")


def _say_missed(miss: Missed, language: str) -> str:
    why, whom = MISSED_WORDS[miss.outcome][language], _line(miss.whom)
    if language == "zh":
        return f"注意：第 {miss.step} 步未通知到人：{whom}，{why}"
    return f"NOTE: step {miss.step} reached nobody: {whom}, {why}"


def _line(text: str) -> str:
    return " ".join(text.split())[:80]
