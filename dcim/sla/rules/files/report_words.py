"""The report of an evaluation as lines of text for people, in Chinese or English."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from dcim.sla.rules.files.moments import say_moment
from dcim.sla.rules.files.usage_report import Report
from dcim.sla.rules.periods import parse_instant
from dcim.sla.rules.quantities import grouped, say_duration, say_span

LONGEST_TRACE = 40
_WORDS: dict[str, tuple[str, str]] = {
    "terms": ("条款", "Terms"),
    "at_first": ("期初", "at first"),
    "from": ("自", "from"),
    "period": ("账期", "Period"),
    "provisional": ("暂计，只判定到", "PROVISIONAL, judged only up to"),
    "warning": ("注意", "Note"),
    "at": ("第 {} 行，{}：{}", "line {}, {}: {}"),
    "met": ("达标", "met"),
    "breached": ("未达标", "breached"),
    "needs_review": ("待人核定", "needs review"),
    "unpriced": ("未达标，条款未定价", "missed, unpriced"),
    "not_eligible": ("未达标，不符合抵扣条件", "missed, not eligible"),
    "downtime": ("计入中断", "Counted downtime"),
    "availability": ("可用率", "Availability"),
    "figure": ("测得", "Measured"),
    "of": ("/ 计算基数", "of"),
    "unknown": ("无测量数据", "Not measured"),
    "excluded": ("按条款排除", "Excluded"),
    "bounds": ("未测时间按正常 / 按中断", "Unmeasured time as up / as down"),
    "credit": ("抵扣", "Credit"),
    "between": ("核定后抵扣介于", "after review between"),
    "trace": ("不是正常的时间", "Time that isn't plain up"),
    "windows": ("排除窗口", "Windows"),
    "applied": ("适用", "applied"),
    "refused": ("不适用", "not applied"),
    "more": ("另有 {} 段，见 --json", "and {} more stretches, see --json"),
    "caps": ("合并与上限", "Combination and caps"),
    "total": ("抵扣合计", "Credits in total"),
    "without": ("（不含待核定项）", " (without what needs review)"),
    "rights": ("解约权", "Rights to terminate"),
    "settlement": ("结算", "Settlement"),
    "given": ("已入账", "booked"),
    "claimable": ("尚未申请", "not claimed yet"),
    "late": ("申请逾期", "claimed too late"),
    "not_claimed": ("未按期申请", "not claimed in time"),
    "may_claim": ("可申请", "may be claimed"),
    "until": ("申请期限", "deadline of claims"),
    "claimed_at": ("申请于", "claimed at"),
    "expires": ("有效期至", "expires at"),
    "held_caps": ("代金券与延期的合并与上限", "Combination and caps of vouchers and days"),
    "more_claimable": ("另可申请", "May be claimed beside"),
    "vouchers": ("代金券合计", "Vouchers in total"),
    "extension": ("延长服务期", "Term extended"),
    "days": ("天", "days"),
    "instead": ("代替抵扣", "in place of"),
    "carried": ("本次账单不足抵扣，结转", "More than the invoice takes, carried forward"),
    "tax": ("抵扣的税额（不含税 + 税 = 含税）", "Tax of the credits (net + tax = gross)"),
    "tax_total": ("合计", "total"),
    "not_known": ("无法判定，缺少事实", "NOT KNOWN, facts are missing"),
    "exercise": ("须在此前行使", "to be exercised until"),
    "lapsed": ("已过期", "lapsed"),
    "cannot_bill": ("无法计费，缺少以下事实", "CAN'T BE BILLED, these facts are missing"),
    "pool": ("合并计费", "billed as one"),
    "reached": ("已达到", "REACHED"),
    "not_reached": ("未达到", "not reached"),
    "value": ("实际", "found"),
    "notice": ("通知期", "notice"),
    "usage": ("用量", "Usage"),
    "intervals": ("计费点", "intervals measured"),
    "no_samples": ("没有用量数据，未计费", "no samples given: not charged"),
    "usage_total": ("用量合计", "Usage in total"),
    "verdict": ("结论", "Verdict"),
    "none": ("无", "none"),
}
_CLASSES = {
    "down": ("中断", "down"),
    "excluded": ("排除", "excluded"),
    "unknown": ("未知", "unknown"),
    "degraded": ("单路", "degraded"),
    "ignored": ("不计", "ignored"),
    "before_clock": ("未计时", "before clock"),
}


def say_report(report: Report, language: str) -> list[str]:
    """Lines for a terminal; money and times as the terms have them (currency, zone).

    Warnings of facts are messages: they come already said in the language.
    """
    return list(_Writer(report, language).write())


class _Writer:
    def __init__(self, report: Report, language: str) -> None:
        self.report, self.language = report, language
        self.zone = report["terms"]["time_zone"]
        self.currency = report["terms"]["currency"]

    def word(self, key: str) -> str:
        return _WORDS[key][self.language == "en"]

    def kind(self, name: str) -> str:
        return _CLASSES.get(name, (name, name))[self.language == "en"]

    def text(self, said: dict[str, str]) -> str:
        return said[self.language]

    def when(self, instant: str) -> str:
        return say_moment(parse_instant(instant), self.zone)

    def length(self, ms: int) -> str:
        return say_span(ms)[self.language == "en"]

    def money(self, amount: str) -> str:
        return f"{grouped(amount)} {self.currency}"

    def write(self) -> Iterator[str]:
        report, terms, period = self.report, self.report["terms"], self.report["period"]
        title = self.text(terms["title"])
        yield f"{self.word('terms')}: {title} ({terms['name']} v{terms['version']})"
        yield f"  SHA-256 {terms['sha256']}"
        for one in terms["changes"]:
            since = f"{self.word('from')} {one['from']}" if one["from"] else self.word("at_first")
            yield f"  {since}: {self.text(one['title'])} ({one['name']} v{one['version']})"
            yield f"    SHA-256 {one['sha256']}"
        yield (
            f"{self.word('period')}: {period['label']}  "
            f"[{self.when(period['start'])}, {self.when(period['end'])})  {terms['time_zone']}"
        )
        if period["provisional"]:
            yield f"  {self.word('provisional')} {self.when(period['judged_to'])}"
        for said in report["warnings"]["terms"]:
            yield f"{self.word('warning')}: {self.text(said)}"
        for each in report["warnings"]["facts"]:
            said = self.word("at").format(each["line"], each["place"], each["message"])
            yield f"{self.word('warning')}: {said}"
        for result in report["results"]:
            yield ""
            yield from self._result(result)
        yield ""
        yield from self._money()
        yield from self._rights()
        yield from self._usage()
        yield f"{self.word('verdict')}: {self.word(report['verdict'])}"

    def _result(self, result: dict[str, Any]) -> Iterator[str]:
        clause = f"{result['clause']} " if result["clause"] else ""
        yield (
            f"{result['id']}  {clause}{self.text(result['title'])}: "
            f"{self.word(result['result']).upper()}"
        )
        if result["judged_by_figure"]:
            yield f"  {self.word('figure')}: {result['figure'] or self.word('none')}"
        else:
            yield f"  {self.word('downtime')}: {self.length(result['downtime_ms'])}"
            share = result["availability_pct"]
            yield (
                f"  {self.word('availability')}: "
                f"{self.word('none') if share is None else f'{share} %'} "
                f"{self.word('of')} {self.length(result['denominator_ms'])}"
            )
        if result["excluded_ms"]:
            yield f"  {self.word('excluded')}: {self.length(result['excluded_ms'])}"
        if result["unknown_ms"]:
            yield f"  {self.word('unknown')}: {self.length(result['unknown_ms'])}"
            best, worst = (result[key]["availability_pct"] or "-" for key in ("best", "worst"))
            yield f"  {self.word('bounds')}: {best} % / {worst} %"
        for note in result["notes"]:
            yield f"  ! {self.text(note)}"
        settled = result["settlement"]
        open_claim = settled is not None and Decimal(settled["claimable"]) > 0
        yield from self._credit(result["credit"], open_claim=open_claim)
        yield from self._settlement(settled)
        yield from self._trace(result)

    def _credit(self, credit: dict[str, Any], *, open_claim: bool) -> Iterator[str]:
        yield f"  {self.word('credit')}: {self.money(credit['amount'])}"
        if credit["at_least"] != credit["at_most"] and not open_claim:
            yield (
                f"    {self.word('between')} {self.money(credit['at_least'])} – "
                f"{self.money(credit['at_most'])}"
            )
        yield from self._steps(credit["steps"], "    ")

    def _settlement(self, settled: dict[str, Any] | None) -> Iterator[str]:
        if settled is None:
            return
        state = settled["state"]
        parts = [] if state == "given" else [self.word(state)]
        parts.append(f"{self.word('given')} {self.money(settled['amount'])}")
        if Decimal(settled["claimable"]):
            parts.append(f"{self.word('may_claim')} {self.money(settled['claimable'])}")
        parts += [
            f"{self.word(name)} {self.when(settled[key])}"
            for name, key in (
                ("until", "until"),
                ("claimed_at", "claimed_at"),
                ("expires", "expires_at"),
            )
            if settled[key] is not None
        ]
        yield f"  {self.word('settlement')}: {self.text(settled['text'])}: {'; '.join(parts)}"

    def _steps(self, steps: list[dict[str, Any]], indent: str) -> Iterator[str]:
        for step in steps:
            formula, result = self.text(step["formula"]), self.text(step["result"])
            yield f"{indent}{self.text(step['label'])}: {formula}" + (
                f" = {result}" if result != formula else ""
            )

    def _trace(self, result: dict[str, Any]) -> Iterator[str]:
        lines = result["trace"]["lines"]
        if lines:
            yield f"  {self.word('trace')}:"
        for line in lines[:LONGEST_TRACE]:
            yield (
                f"    {self.when(line['start'])} – {self.when(line['end'])}  "
                f"{self.length(line['length_ms'])}  "
                f"{self.kind(line['class'])}: {self.text(line['reason'])}"
            )
        if len(lines) > LONGEST_TRACE:
            yield f"    {self.word('more').format(len(lines) - LONGEST_TRACE)}"
        if result["exclusions"]:
            yield f"  {self.word('windows')}:"
        for each in result["exclusions"]:
            state = self.word("applied" if each["valid"] else "refused")
            yield f"    {each['class']} {state}: {self.text(each['reason'])}"

    def _money(self) -> Iterator[str]:
        report, credits = self.report, self.report["credits"]
        for key in ("caps", "held_caps"):
            if report[key]:
                yield f"{self.word(key)}:"
            for line in report[key]:
                item = f" ({line['item']})" if line["item"] else ""
                yield f"  −{self.money(line['amount'])}{item}  {self.text(line['text'])}"
        left = self.word("without") if credits["awaiting_review"] else ""
        yield f"{self.word('total')}: {self.money(credits['total'])}{left}"
        for name, key in (
            ("more_claimable", "claimable"),
            ("vouchers", "vouchers"),
            ("carried", "carried"),
        ):
            if Decimal(credits[key] or 0):
                yield f"{self.word(name)}: {self.money(credits[key])}"
        for each in report["extensions"]:
            yield (
                f"{self.word('extension')} ({each['item']}): {each['days']} {self.word('days')}, "
                f"{self.word('instead')} {self.money(each['amount'])}"
            )
        if report["tax"]:
            yield f"{self.word('tax')}:"
        for line in report["tax"]:
            name = self.word("tax_total") if line["key"] == "total" else line["key"]
            net, tax = grouped(line["net"]), grouped(line["tax"])
            yield f"  {name}: {net} + {tax} = {self.money(line['gross'])}"

    def _rights(self) -> Iterator[str]:
        if self.report["rights"]:
            yield f"{self.word('rights')}:"
        for right in self.report["rights"]:
            said = "reached" if right["reached"] else "not_reached"
            more = [f"{self.word('value')} {right['value']}"]
            if right["notice_ms"] is not None:
                length = say_duration(right["notice_ms"])[self.language == "en"]
                more.append(f"{self.word('notice')} {length}")
            if right["exercise_until"] is not None:
                more.append(f"{self.word('exercise')} {self.when(right['exercise_until'])}")
            if right["lapsed"]:
                more.append(self.word("lapsed"))
            yield (
                f"  {right['result']} {self.word(said if right['known'] else 'not_known')}: "
                f"{self.text(right['text'])} ({'; '.join(more)})"
            )

    def _usage(self) -> Iterator[str]:
        lines = self.report["usage"]
        if not lines:
            return
        yield f"{self.word('usage')}:"
        for line in lines:
            yield from self._usage_line(line)
        if self.report["usage_total"] is not None:
            yield f"{self.word('usage_total')}: {self.money(self.report['usage_total'])}"

    def _usage_line(self, line: dict[str, Any]) -> Iterator[str]:
        who = line["pool"] or line["items"][0]
        head = f"  {line['usage']}.{who}  {self.text(line['title'])}: "
        if line["amount"] is not None:
            yield head + self.money(line["amount"])
        else:
            yield head + self.word("cannot_bill" if line["missing"] else "no_samples")
        if line["pool"] is not None:
            yield f"    {self.word('pool')}: {', '.join(line['items'])}"
        for note in (*line["missing"], *line["notes"]):
            yield f"    ! {self.text(note)}"
        count = line["intervals"]
        if count is not None and count["expected"]:
            yield f"    {self.word('intervals')}: {count['present']} / {count['expected']}"
        yield from self._steps(line["steps"], "    ")
