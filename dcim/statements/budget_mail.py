"""The words of a mail that a month's error budget runs short, Chinese and English; pure."""

from dataclasses import dataclass

from dcim.notices.letters import Told, put_on_a_line
from dcim.sla.rules.quantities import say_span
from dcim.sla.rules.terms import Text


@dataclass(frozen=True, slots=True)
class BudgetNews:
    """One promise of one item in a running month; `state` is "short" or "missed". Milliseconds;
    `allowed_ms` is none where the target is no length of time."""

    contract: str
    period: str
    title: Text
    item: str
    label: Text
    target: Text
    state: str
    used_ms: int
    allowed_ms: int | None


def write_budget(news: BudgetNews, language: str) -> Told:
    zh = language == "zh"
    label = put_on_a_line(news.label[language] or news.label["zh"])
    title = put_on_a_line(news.title[language] or news.title["zh"])
    used = say_span(news.used_ms)[0 if zh else 1]
    allowed = None if news.allowed_ms is None else say_span(news.allowed_ms)[0 if zh else 1]
    if zh:
        said = "已超出承诺" if news.state == "missed" else "误差预算即将用尽"
        lines = [
            f"{label}（合同 {news.contract}，服务项 {news.item}）的“{title}”本月{said}。",
            "",
            f"月份：{news.period}（按合同时区）",
            f"承诺：{news.target['zh']}",
            f"已用：{used}" + (f"，当月允许 {allowed}" if allowed else ""),
            "",
            "这是截至目前的情况；以当月对账单为准。",
        ]
        subject = f"SLA {said}：{label} {news.period}"
    else:
        said = "is used up" if news.state == "missed" else "is nearly used up"
        lines = [
            f"{title} of {label} (contract {news.contract}, item {news.item}):",
            f"this month's error budget {said}.",
            "",
            f"Month: {news.period}, in the contract's time zone",
            f"Promised: {news.target['en']}",
            f"Used: {used}" + (f" of {allowed} allowed in the month" if allowed else ""),
            "",
            "This is how it stands so far; the month's statement decides.",
        ]
        subject = f"Error budget {said}: {label}, {news.period}"
    return Told(subject, lines, "/portal/month")
