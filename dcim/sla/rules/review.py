"""What a person must decide, and why: one sentence for each reason a verdict is left open."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from dcim.sla.rules.language.condition_words import name_condition
from dcim.sla.rules.outcomes import Measurement
from dcim.sla.rules.quantities import fixed, grouped, plain, say_span
from dcim.sla.rules.terms import Metric, Terms, Text


def join_conditions(keys: list[str]) -> Text:
    return {
        "zh": "、".join(name_condition(key)["zh"] for key in keys),
        "en": " and ".join(name_condition(key)["en"] for key in keys),
    }


def say_missing(terms: Terms, measurement: Measurement, amounts: list[Decimal]) -> Text:
    """The verdict or the credit hangs on time that nobody measured."""
    lines = [line for line in measurement.trace if line.kind == "unknown"]
    length = say_span(measurement.outcomes["left_out"].unknown_ms)
    zone = ZoneInfo(terms.timezone)
    where = {"zh": "", "en": ""}
    if lines:
        first = datetime.fromtimestamp(lines[0].start / 1000, zone)
        stamp = f"{first:%m-%d %H:%M:%S}"
        many = len(lines)
        where = {
            "zh": f"（{f'共 {many} 段，首段自 ' if many > 1 else '自 '}{stamp} 起）",
            "en": f" ({f'{many} stretches, the first ' if many > 1 else ''}from {stamp})",
        }
    outcomes = measurement.outcomes
    up, down = _verdict(outcomes["up"].missed), _verdict(outcomes["down"].missed)
    low, high = (grouped(amount) for amount in (min(amounts), max(amounts)))
    credit = {"zh": "", "en": ""}
    if low != high:
        credit = {
            "zh": f"，抵扣介于 {low} 与 {high} {terms.currency} 之间",
            "en": f", with a credit between {low} and {high} {terms.currency}",
        }
    return {
        "zh": f"有 {length[0]}没有测量数据{where['zh']}：按正常计{up[0]}，按中断计{down[0]}"
        f"{credit['zh']}；须由人核定这段时间按正常、按中断还是不计",
        "en": f"{length[1]} was not measured{where['en']}: taken as up it is {up[1]}, taken as "
        f"down it is {down[1]}{credit['en']}; a person must decide whether it counts as up, as "
        "down or not at all",
    }


def _verdict(missed: bool | None) -> tuple[str, str]:
    if missed is None:
        return "无从判定", "not to be told"
    return ("未达标", "missed") if missed else ("达标", "met")


def say_coverage(metric: Metric, coverage: Fraction) -> Text:
    least, share = plain(metric.min_coverage), plain(fixed(coverage * 100, 3, "ROUND_DOWN"))
    return {
        "zh": f"只有 {share} % 的时间有测量数据，低于约定的 {least} %：须由人核定能否据此结算",
        "en": f"only {share} % of the time was measured, less than the {least} % agreed: a person "
        "must decide whether it can be settled by that",
    }


def say_hole() -> Text:
    return {
        "zh": "结果落在条款各档之间的空隙：须由人核定适用哪一档",
        "en": "the result lies between the rows of the terms: a person must decide which applies",
    }


def say_unknown_facts(facts: Sequence[Text]) -> Text:
    zh, en = "、".join(fact["zh"] for fact in facts), " and ".join(fact["en"] for fact in facts)
    return {
        "zh": f"条款所需的事实未知：{zh}；查明后才能确定抵扣",
        "en": f"not known, and needed for the credit: {en}",
    }


def say_unclear(keys: list[str]) -> Text:
    said = join_conditions(keys)
    return {
        "zh": f"抵扣条件未核实（{said['zh']}）：须由人核实是否满足",
        "en": f"a condition of the credit is not established ({said['en']}): a person must check",
    }


def say_unmet(keys: list[str]) -> Text:
    said = join_conditions(keys)
    return {"zh": f"不满足抵扣条件：{said['zh']}", "en": f"condition not fulfilled: {said['en']}"}


def say_unsettled(keys: list[str]) -> Text:
    said = join_conditions(keys)
    return {
        "zh": f"目标因配置而异，而配置未核实（{said['zh']}）：须由人核实适用哪一目标",
        "en": f"the target depends on something that is not established ({said['en']}): a person "
        "must check which target holds",
    }
