"""The report of an evaluation as lines of text for people, in Chinese or English."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dcim.sla.rules.evaluation_report import Report
from dcim.sla.rules.periods import parse_instant
from dcim.sla.rules.quantities import grouped, say_duration, say_span

LONGEST_TRACE = 40
_WORDS: dict[str, tuple[str, str]] = {
    "terms": ("条款", "Terms"),
    "period": ("账期", "Period"),
    "provisional": ("暂计，只判定到", "PROVISIONAL, judged only up to"),
    "warning": ("注意", "Note"),
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
    """Lines for a terminal; money and times as the terms have them (currency, zone)."""
    return list(_Writer(report, language).write())


class _Writer:
    def __init__(self, report: Report, language: str) -> None:
        self.report, self.language = report, language
        self.zone = ZoneInfo(report["terms"]["time_zone"])
        self.currency = report["terms"]["currency"]

    def word(self, key: str) -> str:
        return _WORDS[key][self.language == "en"]

    def kind(self, name: str) -> str:
        return _CLASSES.get(name, (name, name))[self.language == "en"]

    def text(self, said: dict[str, str]) -> str:
        return said[self.language]

    def when(self, instant: str) -> str:
        moment = datetime.fromtimestamp(parse_instant(instant) / 1000, self.zone)
        return moment.isoformat(" ", "milliseconds" if moment.microsecond else "seconds")

    def length(self, ms: int) -> str:
        return say_span(ms)[self.language == "en"]

    def money(self, amount: str) -> str:
        return f"{grouped(amount)} {self.currency}"

    def write(self) -> Iterator[str]:
        report, terms, period = self.report, self.report["terms"], self.report["period"]
        title = self.text(terms["title"])
        yield f"{self.word('terms')}: {title} ({terms['name']} v{terms['version']})"
        yield f"  SHA-256 {terms['sha256']}"
        yield (
            f"{self.word('period')}: {period['label']}  "
            f"[{self.when(period['start'])}, {self.when(period['end'])})  {terms['time_zone']}"
        )
        if period["provisional"]:
            yield f"  {self.word('provisional')} {self.when(period['judged_to'])}"
        for said in report["warnings"]["terms"]:
            yield f"{self.word('warning')}: {self.text(said)}"
        for each in report["warnings"]["facts"]:
            yield f"{self.word('warning')}: line {each['line']}, {each['place']}: {each['message']}"
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
        yield from self._credit(result["credit"])
        yield from self._trace(result)

    def _credit(self, credit: dict[str, Any]) -> Iterator[str]:
        yield f"  {self.word('credit')}: {self.money(credit['amount'])}"
        if credit["at_least"] != credit["at_most"]:
            yield (
                f"    {self.word('between')} {self.money(credit['at_least'])} – "
                f"{self.money(credit['at_most'])}"
            )
        yield from self._steps(credit["steps"], "    ")

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
        report = self.report
        if report["caps"]:
            yield f"{self.word('caps')}:"
        for line in report["caps"]:
            item = f" ({line['item']})" if line["item"] else ""
            yield f"  −{self.money(line['amount'])}{item}  {self.text(line['text'])}"
        left = self.word("without") if report["credits"]["awaiting_review"] else ""
        yield f"{self.word('total')}: {self.money(report['credits']['total'])}{left}"

    def _rights(self) -> Iterator[str]:
        if self.report["rights"]:
            yield f"{self.word('rights')}:"
        for right in self.report["rights"]:
            state = self.word("reached" if right["reached"] else "not_reached")
            notice = ""
            if right["notice_ms"] is not None:
                length = say_duration(right["notice_ms"])[self.language == "en"]
                notice = f"; {self.word('notice')} {length}"
            yield (
                f"  {right['result']} {state}: {self.text(right['text'])} "
                f"({self.word('value')} {right['value']}{notice})"
            )

    def _usage(self) -> Iterator[str]:
        lines = self.report["usage"]
        if not lines:
            return
        yield f"{self.word('usage')}:"
        for line in lines:
            head = f"  {line['usage']}.{line['item']}  {self.text(line['title'])}: "
            if line["amount"] is None:
                yield head + self.word("no_samples")
                continue
            count = line["intervals"]
            yield head + self.money(line["amount"])
            yield f"    {self.word('intervals')}: {count['present']} / {count['expected']}"
            yield from self._steps(line["steps"], "    ")
        if self.report["usage_total"] is not None:
            yield f"{self.word('usage_total')}: {self.money(self.report['usage_total'])}"
