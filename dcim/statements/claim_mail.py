"""The words of a mail that a claim of credits is decided, Chinese and English; pure."""

from dataclasses import dataclass

from dcim.notices.letters import Told, quote


@dataclass(frozen=True, slots=True)
class ClaimNews:
    """`state` is "accepted" or "refused", `period` a month as "2026-10"."""

    contract: str
    period: str
    state: str
    reason: str


def write_claim(news: ClaimNews, language: str) -> Told:
    if language == "zh":
        said = "已接受" if news.state == "accepted" else "未通过"
        lines = [f"合同 {news.contract} {news.period} 月的服务抵扣申请{said}。", "", "理由："]
        subject = f"服务抵扣申请{said}：{news.contract} {news.period}"
    else:
        said = "accepted" if news.state == "accepted" else "refused"
        lines = [
            f"Your claim of credits of contract {news.contract} for {news.period} is {said}.",
            "",
            "Reason:",
        ]
        subject = f"Claim of credits {said}: {news.contract} {news.period}"
    return Told(subject, [*lines, *quote(news.reason)], "/portal/statements")
