"""Power as clauses in words, Chinese and English."""

from dcim.sla.rules.language.usage_price_words import RANKS, Words, say_limits, say_over, say_price
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.terms import PowerTerms, Share, Text, Usage

MISSING = {
    "dropped": ("缺测的间隔不计", "intervals that weren't measured are left out"),
    "zero": ("缺测的间隔按 0 计", "intervals that weren't measured count as 0"),
    "carry": ("缺测的间隔沿用上一值", "intervals that weren't measured repeat the last one"),
}


def say_power(usage: Usage) -> Text:
    words = usage.power or PowerTerms()
    length = say_duration(usage.interval_ms)
    said: list[Words]
    if usage.method == "flat":
        said = [("按路计费", "Charged per circuit"), say_over(usage, ("每路每月", "a month"))]
    elif usage.method == "breakered":
        said = [
            ("按断路器额定安培计费", "Charged by the breaker's amperes"),
            say_over(usage, ("每安培每月", "per ampere and month")),
        ]
    elif usage.method == "committed_power":
        said = _say_committed(usage, words, length)
    elif usage.method == "energy":
        said = _say_energy(usage, words)
    else:
        said = [
            (
                f"按最高需量计费：每 {length[0]}平均功率的最高值",
                f"Charged by the highest mean power of {length[1]}",
            )
        ]
        if words.window is not None:
            start, end = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in words.window)
            said.append((f"只计 {start}–{end}", f"only {start} to {end} counts"))
        said.append(say_over(usage, ("每 kW 每月", "per kW and month")))
    if words.min_coverage:
        least = plain(words.min_coverage)
        said.append(
            (f"读数不足 {least} % 的不计价，须复核", f"below {least} % of readings it isn't priced")
        )
    said += say_limits(usage)
    return {
        "zh": "，".join(zh for zh, _ in said) + "。",
        "en": ", ".join(en for _, en in said) + ".",
    }


def _say_committed(usage: Usage, words: PowerTerms, length: Words) -> list[Words]:
    unit = words.unit
    commit = words.commit
    if isinstance(commit, Share):
        share = plain(commit.percent)
        said = [(f"承诺功率为额定的 {share} %", f"Committed power is {share} % of the rating")]
    elif commit == "item":
        said = [(f"承诺功率（{unit}）按订单", f"Committed power in {unit} as ordered")]
    elif commit == "none":
        said = [("无承诺功率", "No committed power")]
    else:
        said = [(f"承诺功率 {plain(commit)} {unit}", f"Committed power is {plain(commit)} {unit}")]
    if words.price_committed != "none":
        price = say_price(words.price_committed)
        said.append((f"每 {unit} 每月 {price[0]}", f"{price[1]} per {unit} and month"))
    how = {
        "percentile": (
            f"第 {plain(usage.percentile)} 百分位（{RANKS[usage.rank][0]}）",
            f"percentile {plain(usage.percentile)} ({RANKS[usage.rank][1]})",
        ),
        "highest": ("最高值", "highest"),
        "mean": ("平均值", "mean"),
    }[words.measured_as]
    said.append(
        (
            f"实测取每 {length[0]}均值的{how[0]}",
            f"measured is the {how[1]} of the means of {length[1]}",
        )
    )
    said.append(MISSING[usage.missing])
    if words.round_up:
        step = f"{plain(words.round_up)} {unit}"
        said.append((f"向上取整到 {step}", f"rounded up to {step}"))
    over = say_over(usage, (f"每 {unit} 每月", f"per {unit} and month"))
    said.append((f"超出承诺的部分{over[0]}", f"above the commit {over[1]}"))
    return said


INCLUDED_FROM_WORDS: dict[str, Words] = {
    "all_hours": (
        "包电按各时段电量的比例扣除",
        "what is included is taken from all hours in proportion to their energy",
    ),
    "dearest": ("包电先从单价最高的时段扣除", "what is included is taken from the dearest first"),
    "cheapest": ("包电先从单价最低的时段扣除", "what is included is taken from the cheapest first"),
}


def _say_energy(usage: Usage, words: PowerTerms) -> list[Words]:
    length = say_duration(usage.interval_ms)
    said = [
        (f"按 kWh 计费（每 {length[0]}一个间隔）", f"Charged per kWh (intervals of {length[1]})")
    ]
    if words.pue_measured:
        said.append(
            (
                "乘以本期实测 PUE（数据中心电量/IT 电量）",
                "times the PUE measured over the period (energy of the data centre / of its IT)",
            )
        )
    else:
        said.append((f"PUE {plain(usage.pue)}", f"PUE {plain(usage.pue)}"))
    if words.free_kwh:
        free = plain(words.free_kwh)
        said.append((f"每月包电 {free} kWh", f"{free} kWh a month are included"))
    if words.free_kw:
        free = plain(words.free_kw)
        said.append(
            (
                f"包电 {free} kW（逐个计费间隔扣除）",
                f"{free} kW are included in each billing interval by itself",
            )
            if words.included_by_interval
            else (f"包电 {free} kW（按服务小时）", f"{free} kW through all hours are included")
        )
    if words.included_from is not None:
        said.append(INCLUDED_FROM_WORDS[words.included_from])
    for row in words.by_hours:
        hours = ["–".join(f"{m // 60:02d}:{m % 60:02d}" for m in pair) for pair in row.hours]
        price = plain(row.price)
        said.append(
            (
                f"{row.name['zh']} {'、'.join(hours)} 每 kWh {price}",
                f"{row.name['en']} {', '.join(hours)} {price} per kWh",
            )
        )
    if not words.by_hours:
        said.append(say_over(usage, ("每 kWh", "per kWh")))
    return said
