"""The words of mails about alarms, Chinese and English; pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from dcim.sla.rules.terms import Text

LONGEST_SUBJECT = 255
LONGEST_TEXT = 4000
SHOWN = 25
SEVERITY_WORDS: dict[str, Text] = {
    "critical": {"zh": "严重", "en": "critical"},
    "major": {"zh": "重要", "en": "major"},
    "warning": {"zh": "警告", "en": "warning"},
}


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """`at` is when it was raised, or of one that is over when it ended; in the operator's zone.
    `detail`: of which part of it, empty where it has none."""

    id: int
    rule: Text
    label: str
    severity: str
    at: dt.datetime
    is_over: bool
    reading: str
    detail: Text


def write_subject(alarms: Sequence[AlarmFacts], operator: Text, language: str) -> str:
    """One line: the gravest, and how many more."""
    first, more = alarms[0], len(alarms) - 1
    word = SEVERITY_WORDS[first.severity][language]
    if language == "zh":
        said = f"【{operator['zh']}】" + ("告警恢复：" if first.is_over else f"{word}告警：")
        said += f"{first.label} {first.rule['zh']}" + (f" 等 {more + 1} 条" if more else "")
    else:
        said = f"{operator['en']}: " + ("over: " if first.is_over else f"{word}: ")
        said += f"{first.label} {first.rule['en']}" + (f" and {more} more" if more else "")
    return " ".join(said.split())[:LONGEST_SUBJECT]


def write_text(alarms: Sequence[AlarmFacts], url: str, language: str) -> str:
    """Plain text, to be sent as it is; a line for each alarm, as many as a mail holds."""
    lines = [write_line(one, language) for one in alarms[:SHOWN]]
    more = len(alarms) - SHOWN
    if more > 0:
        lines.append(f"另有 {more} 条。" if language == "zh" else f"And {more} more.")
    lines += ["", url]
    return ("\n".join(lines) + "\n")[:LONGEST_TEXT]


def write_line(one: AlarmFacts, language: str) -> str:
    """When, how grave, where, what."""
    word = SEVERITY_WORDS[one.severity][language]
    over = ({"zh": "恢复", "en": "over"} if one.is_over else {"zh": word, "en": word})[language]
    label = " ".join(one.label.split())[:80]
    zone = one.at.strftime("%z")
    said = "  ".join(text for text in (one.reading, one.detail[language]) if text)
    return f"{one.at:%m-%d %H:%M:%S}{zone[:3]}  {over}  {label}  {one.rule[language]}  {said}"
