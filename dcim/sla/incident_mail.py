"""The words of a mail about an incident, Chinese and English; pure.

An incident is shared by all whom it hit: here stands what it is to one customer, and never its own
words, which name panels and cabinets that others hang on too.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from dcim.notices.letters import Told, put_on_a_line, say_instant, say_span
from dcim.sla.rules.quantities import say_span as say_length
from dcim.sla.rules.terms import Text

# What is new: it began, it is over, something told before is otherwise, it isn't theirs after all.
NEWS = ("opened", "over", "changed", "withdrawn")
DEEDS: dict[str, Text] = {
    "opened": {"zh": "发生", "en": "began"},
    "over": {"zh": "已恢复", "en": "is over"},
    "changed": {"zh": "有变更", "en": "changed"},
    "withdrawn": {"zh": "已更正：不涉及贵方", "en": "is corrected: it doesn't concern you"},
}
MEANINGS: dict[str, Text] = {
    "incident.interruption": {"zh": "服务中断", "en": "interruption of your service"},
    "incident.redundancy": {"zh": "失去冗余，服务未中断", "en": "redundancy lost, service kept"},
    "incident.information": {"zh": "仅供知悉", "en": "for information"},
}


@dataclass(frozen=True, slots=True)
class IncidentNews:
    """`what` it was, `meaning` of MEANINGS; `items` are (label, code) of the customer's own."""

    incident_id: int
    news: str
    what: Text
    meaning: str
    items: Sequence[tuple[Text, str]]
    started_at: dt.datetime
    ended_at: dt.datetime | None


def write_incident(told: IncidentNews, language: str, zone: str) -> Told:
    zh = language == "zh"
    number, deed, what = f"INC-{told.incident_id}", DEEDS[told.news][language], told.what[language]
    lines = [f"事件 {number}：{what}，{deed}。" if zh else f"Incident {number}: {what}, {deed}."]
    lines.append("")
    if told.ended_at is None:
        began = say_instant(told.started_at, zone)
        lines.append(f"开始时间：{began}，仍在持续" if zh else f"Since: {began}, still open")
    else:
        times = say_span(told.started_at, told.ended_at, zone, " 至 " if zh else " to ")
        ms = round((told.ended_at - told.started_at).total_seconds() * 1000)
        length = say_length(ms)[0 if zh else 1]
        lines.append(f"时间：{times}，共 {length}" if zh else f"Time: {times}, {length}")
    if told.news != "withdrawn":
        meaning = MEANINGS[told.meaning][language]
        lines.append(f"对贵方的影响：{meaning}" if zh else f"What it means for you: {meaning}")
        for label, code in told.items:
            name = put_on_a_line(label[language] or label["zh"])
            lines.append(f"- {name}（{code}）" if zh else f"- {name} ({code})")
        lines += [
            "",
            (
                "此为监测到的情况；是否计入可用率以当月对账单为准。"
                if zh
                else "This is what was observed; the month's statement says what counts."
            ),
        ]
    subject = f"事件 {number} {deed}：{what}" if zh else f"Incident {number} {deed}: {what}"
    return Told(subject, lines, f"/portal/incidents/{told.incident_id}")
