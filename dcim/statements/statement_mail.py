"""The words that bring a statement, to its customer by mail and to the operator; pure."""

from dataclasses import dataclass
from decimal import Decimal

from dcim.sla.rules.terms import Text

# As long as the outbox keeps subjects; a long company name must not refuse a statement.
LONGEST_SUBJECT = 255
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """`period` like "2026-10", `deadline` the last day to object; `attached`: the PDF is."""

    number: str
    period: str
    contract: str
    revision: int
    reason: str
    customer: Text
    operator: Text
    currency: str
    total: Decimal
    credits: Decimal
    verdict: Text
    deadline: str
    contact: str
    sha256: str
    portal_url: str
    verify_url: str
    attached: bool


def write_subject(facts: StatementFacts, language: str) -> str:
    """One line, in "zh" or "en"."""
    if language == "zh":
        said = f"【{facts.operator['zh']}】{facts.period} 月度对账单 {facts.number}"
        said += f"（更正第 {facts.revision} 版）" if facts.revision > 1 else ""
    else:
        said = f"{facts.operator['en']}: statement {facts.number} for {facts.period}"
        said += f" (corrected, revision {facts.revision})" if facts.revision > 1 else ""
    return " ".join(said.split())[:LONGEST_SUBJECT]


def write_text(facts: StatementFacts, language: str) -> str:
    """Plain text, to be sent as it is."""
    lines = _write_zh(facts) if language == "zh" else _write_en(facts)
    return ("\n".join(lines) + "\n")[:LONGEST_TEXT]


def write_notice(facts: StatementFacts, language: str) -> str:
    """What the operator's own people are told, in "zh" or "en"."""
    if language == "zh":
        lines = [
            f"客户：{facts.customer['zh']}（合同 {facts.contract}）",
            f"应付合计：{facts.currency} {facts.total:,.2f}",
            f"其中服务抵扣：{facts.currency} {facts.credits:,.2f}",
            f"SLA 结论：{facts.verdict['zh']}",
            *([f"更正原因：{facts.reason}"] if facts.revision > 1 else []),
        ]
    else:
        lines = [
            f"Customer: {facts.customer['en']} (contract {facts.contract})",
            f"Total due: {facts.currency} {facts.total:,.2f}",
            f"Service credits in it: {facts.currency} {facts.credits:,.2f}",
            f"Service levels: {facts.verdict['en']}",
            *([f"Reason for the correction: {facts.reason}"] if facts.revision > 1 else []),
        ]
    return "\n".join(lines)


def _write_zh(facts: StatementFacts) -> list[str]:
    lines = [
        f"{facts.customer['zh']}：",
        "",
        f"贵司合同 {facts.contract} 的 {facts.period} 月度对账单 {facts.number} 已出具。",
    ]
    if facts.revision > 1:
        lines.append(f"本对账单为第 {facts.revision} 版，替代此前版本。更正原因：{facts.reason}")
    lines += [
        "",
        f"应付合计：{facts.currency} {facts.total:,.2f}",
        f"其中服务抵扣：{facts.currency} {facts.credits:,.2f}",
        f"SLA 结论：{facts.verdict['zh']}",
        f"异议截止日：{facts.deadline}",
        "",
        (
            "对账单 PDF 见附件，亦可在客户门户下载："
            if facts.attached
            else "对账单 PDF 较大，未随邮件附上，请在客户门户下载："
        ),
        facts.portal_url,
        "",
        f"PDF 的 SHA-256：{facts.sha256}",
        f"验证签名与数据：{facts.verify_url}",
        "",
        facts.operator["zh"],
    ]
    return [*lines, *([facts.contact] if facts.contact else [])]


def _write_en(facts: StatementFacts) -> list[str]:
    lines = [
        f"{facts.customer['en']},",
        "",
        f"statement {facts.number} of contract {facts.contract} for {facts.period} is issued.",
    ]
    if facts.revision > 1:
        lines.append(
            f"It is revision {facts.revision} and replaces the one before. Reason: {facts.reason}"
        )
    lines += [
        "",
        f"Total due: {facts.currency} {facts.total:,.2f}",
        f"Service credits in it: {facts.currency} {facts.credits:,.2f}",
        f"Service levels: {facts.verdict['en']}",
        f"Objections until: {facts.deadline}",
        "",
        (
            "The PDF is attached; it is in the portal too:"
            if facts.attached
            else "The PDF is too large for a mail; download it in the portal:"
        ),
        facts.portal_url,
        "",
        f"SHA-256 of the PDF: {facts.sha256}",
        f"Check signature and figures: {facts.verify_url}",
        "",
        facts.operator["en"],
    ]
    return [*lines, *([facts.contact] if facts.contact else [])]
