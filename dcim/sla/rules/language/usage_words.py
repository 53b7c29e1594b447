"""Usage as clauses in words, Chinese and English."""

from dcim.metering.charging import MODES_BY_DAY
from dcim.sla.rules.language.checks import IDLE_WORDS
from dcim.sla.rules.language.mode_words import DIRECTIONS, say_mode
from dcim.sla.rules.language.usage_power_words import say_power
from dcim.sla.rules.language.usage_price_words import (
    RANKS,
    say_commit,
    say_committed,
    say_days,
    say_limits,
    say_over,
    say_pool,
    say_price,
    say_rounding,
)
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.terms import Text, Usage


def say_usage(usage: Usage) -> Text:
    length = say_duration(usage.interval_ms)
    price = say_price(usage.price_over)
    if usage.power is not None:
        return say_power(usage)
    if usage.method != "percentile":
        unit = "kWh" if usage.method == "energy" else "kW"
        return {
            "zh": f"按{unit}计费（每 {length[0]}一个间隔），单价 {price[0]}，"
            f"PUE {plain(usage.pue)}。",
            "en": f"Billed per {unit} (intervals of {length[1]}) at {price[1]}, "
            f"PUE {plain(usage.pue)}.",
        }
    p = plain(usage.percentile)
    direction, rank, missing = _say_ranking(usage)
    points_zh = f"每 {length[0]}一点（UTC 对齐，覆盖不足 {plain(usage.min_cover)} % 的点为缺测）"
    points_en = (
        f"One point every {length[1]} (aligned in UTC; a point covered by less than "
        f"{plain(usage.min_cover)} % is missing)"
    )
    if usage.mode == "month_95":
        zh = f"{points_zh}，第 {p} 百分位（{rank[0]}），{direction[0]}，{missing[0]}"
        en = f"{points_en}, percentile {p} ({rank[1]}), {direction[1]}, {missing[1]}"
    else:
        mode = say_mode(usage)
        said = {"rank": rank, "direction": DIRECTIONS[usage.direction], "missing": missing}
        spoken = [mode, *(said[key] for key in said if usage.mode not in IDLE_WORDS[key])]
        zh = "，".join([points_zh, *(words[0] for words in spoken)])
        en = ", ".join([points_en, *(words[1] for words in spoken)])
    zh += f"；1 Mbit/s = {usage.thousand} kbit/s"
    en += f"; 1 Mbit/s = {usage.thousand} kbit/s"
    for more in (
        say_rounding(usage),
        say_commit(usage),
        say_committed(usage),
        say_pool(usage),
        *say_days(usage),
        *say_limits(usage),
    ):
        if more is not None:
            zh, en = f"{zh}；{more[0]}", f"{en}; {more[1]}"
    if usage.mode == "flat":
        committed = say_price(usage.price_committed)
        zh, en = (
            f"{zh}；每 Mbit/s 每月 {committed[0]}。",
            f"{en}; {committed[1]} per Mbit/s and month.",
        )
    elif usage.mode == "traffic":
        over = say_over(usage, ("每 GB", "per GB"))
        zh, en = f"{zh}；{over[0]}。", f"{en}; {over[1]}."
    elif usage.mode in MODES_BY_DAY:
        over = say_over(usage, ("每 Mbit/s 每天", "per Mbit/s and day"))
        zh, en = f"{zh}；超出保底的部分{over[0]}。", f"{en}; above the commit {over[1]}."
    else:
        over = say_over(usage, ("每 Mbit/s 每月", "per Mbit/s and month"))
        zh, en = f"{zh}；超出保底的部分{over[0]}。", f"{en}; above the commit {over[1]}."
    return {"zh": zh, "en": en}


def _say_ranking(usage: Usage) -> tuple[tuple[str, str], tuple[str, str], tuple[str, str]]:
    """Direction, rank rule and missing points."""
    direction = {
        "higher_percentile": (
            "取入、出两个方向百分位值的较高者",
            "the higher of the in and out percentiles",
        ),
        "percentile_of_higher": (
            "每点取入、出较高者再取百分位",
            "the percentile of the higher direction of each point",
        ),
        "percentile_of_sum": (
            "每点入、出相加再取百分位",
            "the percentile of the sum of both directions",
        ),
        "in": ("取入方向", "the inbound direction"),
        "out": ("取出方向", "the outbound direction"),
    }[usage.direction]
    rank = RANKS[usage.rank]
    missing = {
        "dropped": ("缺测的点不参与排序", "missing points are dropped"),
        "zero": ("缺测的点按 0 计", "missing points count as 0"),
        "carry": ("缺测的点沿用上一点", "missing points repeat the last one"),
    }[usage.missing]
    return direction, rank, missing
