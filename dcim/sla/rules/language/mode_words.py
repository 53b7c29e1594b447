"""Charging modes as words, Chinese and English."""

from dcim.metering.charging import Mode
from dcim.sla.rules.quantities import plain
from dcim.sla.rules.terms import Usage

# Where a mode ranks, but not always by a percentile; settled where the rank is taken.
DIRECTIONS = {
    "higher_percentile": ("入、出分别计算，取较高者", "in and out apart, the higher result"),
    "percentile_of_higher": ("每点取入、出较高者", "the higher direction of each point"),
    "percentile_of_sum": ("每点入、出相加", "in and out of each point added"),
    "in": ("取入方向", "the inbound direction"),
    "out": ("取出方向", "the outbound direction"),
}


def say_mode(usage: Usage) -> tuple[str, str]:
    """How a mode comes to what it charges, Chinese and English; month_95 has words of its own."""
    p = plain(usage.percentile)
    start, end = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in usage.night)
    said: dict[Mode, tuple[str, str]] = {
        "month_95": (f"月95：全月各点的第 {p} 百分位", f"percentile {p} of the month's points"),
        "day_95": (
            f"日95：每天各点的第 {p} 百分位，逐日计费",
            f"percentile {p} of each day's points, charged day by day",
        ),
        "mean_day_95": (
            f"月均日95：每天各点的第 {p} 百分位，取各天平均（舍去小数）",
            f"the mean over the days of each day's percentile {p}, rounded down",
        ),
        "day_peak": (
            "日峰值：每天的最高点，逐日计费",
            "each day's highest point, charged day by day",
        ),
        "mean_day_peak": (
            "月均日峰值：每天的最高点，取各天平均（舍去小数）",
            "the mean over the days of each day's highest point, rounded down",
        ),
        "fourth_peak": (
            "月第四峰值：各天最高点中第四高者，不足四天计 0",
            "the fourth highest of the days' highest points, 0 with fewer than four days",
        ),
        "top_5": (
            "月Top5：每天第五高的点，取其中最高五天的平均（舍去小数）",
            "the mean of the five highest days' fifth highest points, rounded down",
        ),
        "night_half_95": (
            f"夜间半价95：{start}–{end} 的点减半，再取第 {p} 百分位",
            f"percentile {p} of the month's points, those from {start} to {end} halved",
        ),
        "enhanced_95": (
            f"增强95：每点取入、出平均，再取第 {p} 百分位",
            f"percentile {p} of the mean of in and out of each point",
        ),
        "flat": ("包端口：按订购带宽，与用量无关", "the bandwidth ordered, whatever was used"),
        "traffic": (
            f"按流量：全月字节数，1 GB = {usage.thousand}³ 字节",
            f"the month's octets, 1 GB = {usage.thousand}³ octets",
        ),
    }  # fmt: skip
    return said[usage.mode]
