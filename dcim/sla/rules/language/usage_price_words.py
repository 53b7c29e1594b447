"""Prices, least and most, pools and days of usage as words, Chinese and English."""

from decimal import Decimal

from dcim.sla.rules.quantities import plain, say_duration, say_rate
from dcim.sla.rules.terms import Limit, PriceRows, Range, Share, Usage

Words = tuple[str, str]
RANKS: dict[str, Words] = {
    "nearest": ("从小到大第 ⌈p·n⌉ 点", "the point of rank ceil(p·n) from below"),
    "discard_ceil": (
        "去掉最高的 ⌈(1−p)·n⌉ 点",
        "the highest ceil((1−p)·n) points are discarded",
    ),
    "round": ("从小到大第 round(p·n) 点", "the point of rank round(p·n) from below"),
    "interpolate": ("线性插值", "linear interpolation"),
}


def say_price(price: object) -> Words:
    """One price; of rows the words of each."""
    if isinstance(price, Decimal):
        return plain(price), plain(price)
    return "按订单单价", "the price of the order"


def say_over(usage: Usage, unit: Words) -> Words:
    """What is above the commit, from price to rows: `unit` reads "per Mbit/s and month"."""
    if usage.over_factor is not None:
        times = plain(usage.over_factor)
        return f"{unit[0]}按保底单价的 {times} 倍", f"{times} times the committed price {unit[1]}"
    if isinstance(usage.price_over, PriceRows):
        rows = usage.price_over
        said = [(_bounds(row.range), plain(row.price)) for row in rows.rows]
        zh = "、".join(f"{bounds[0]}：{price}" for bounds, price in said)
        en = ", ".join(f"{bounds[1]} at {price}" for bounds, price in said)
        how = {
            "whole": (
                "全部数量按所达一档的单价",
                "the whole quantity at the price of the row it reaches",
            ),
            "parts": ("各档内的数量按各档单价", "each part at the price of its own row"),
        }[rows.by]
        return f"{unit[0]}分档计价（{zh}；{how[0]}）", f"in rows {unit[1]} ({en}; {how[1]})"
    price = say_price(usage.price_over)
    return f"{unit[0]} {price[0]}", f"{price[1]} {unit[1]}"


def _bounds(bounds: Range) -> Words:
    zh, en = [], []
    if bounds.low:
        low = plain(bounds.low)
        zh.append(f"{low} {'及以上' if bounds.low_inclusive else '以上'}")
        en.append(f"{'from' if bounds.low_inclusive else 'above'} {low}")
    if bounds.high is not None:
        high = plain(bounds.high)
        zh.append(f"至 {high}{'（含）' if bounds.high_inclusive else '（不含）'}")
        en.append(f"{'up to' if bounds.high_inclusive else 'below'} {high}")
    return "".join(zh) or "不限", " ".join(en) or "any"


def say_commit(usage: Usage) -> Words | None:
    if isinstance(usage.commit, Share):
        share = plain(usage.commit.percent)
        return f"保底为端口速率的 {share} %", f"commit {share} % of the port"
    if isinstance(usage.commit, int):
        return f"保底 {say_rate(usage.commit)}", f"commit {say_rate(usage.commit)}"
    return ("保底按订单", "commit as ordered") if usage.commit == "item" else None


def say_rounding(usage: Usage) -> Words | None:
    if not usage.round_up_bps:
        return None
    step = say_rate(usage.round_up_bps)
    return f"计费带宽向上取整到 {step} 的整数倍", f"rounded up to whole multiples of {step}"


def say_committed(usage: Usage) -> Words | None:
    """What the commit costs where it isn't in the item's fee; of a flat port it is the price."""
    if usage.price_committed == "none" or usage.mode == "flat":
        return None
    price = say_price(usage.price_committed)
    return f"保底每 Mbit/s 每月 {price[0]}", f"the commit at {price[1]} per Mbit/s and month"


def _limit(limit: Limit) -> Words:
    value = plain(limit.value)
    if limit.kind == "rate":
        return say_rate(int(limit.value)), say_rate(int(limit.value))
    if limit.kind == "money":
        return f"每月费用 {value}", f"{value} a month"
    return {
        "commit": (f"保底的 {value} %", f"{value} % of the commit"),
        "port": (f"端口速率的 {value} %", f"{value} % of the port"),
    }[limit.kind]


def say_limits(usage: Usage) -> list[Words]:
    found = []
    if usage.at_least is not None:
        said = _limit(usage.at_least)
        found.append((f"最低按{said[0]} 计", f"charged at least {said[1]}"))
    if usage.at_most is not None:
        said = _limit(usage.at_most)
        found.append((f"最高按{said[0]} 计", f"charged at most {said[1]}"))
    return found


def say_pool(usage: Usage) -> Words | None:
    if not usage.pool:
        return None
    whose = {
        "contract": ("合同内各项", "the contract's items"),
        "site": ("同一机房的各项", "the items of each site"),
    }.get(
        usage.pool, (f"订单归入 {usage.pool} 组的各项", f"the items ordered in group {usage.pool}")
    )
    how = {
        "pool": (
            "逐点相加后计算，保底相加",
            "are added point by point and charged as one, their commits added",
        ),
        "members": (
            "各自计算后相加，减去保底之和",
            "are measured apart and added, less the sum of their commits",
        ),
    }[usage.pool_overage]
    return f"{whose[0]}合并：{how[0]}", f"{whose[1]} {how[1]}"


def say_days(usage: Usage) -> list[Words]:
    """Ranks, peaks, valid days, months in part, what is included."""
    found = []
    if usage.rank_of_ms:
        zh, en = say_duration(usage.rank_of_ms)
        found.append(
            (
                f"名次按 {zh} 的点数计，与当月天数无关",
                f"ranked as if every month had {en}, however many days it has",
            )
        )
    if usage.peak_of_ms:
        zh, en = say_duration(usage.peak_of_ms)
        found.append(
            (f"每点取其中每 {zh}均值的最高值", f"a point is the highest mean of {en} within it")
        )
    if usage.valid_days is not None:
        rule = usage.valid_days
        above = say_rate(rule.above) if rule.unit == "bit/s" else f"{rule.above} B"
        zh = f"超出费 × 有效天数 / 当月天数，有效天为用量超过 {above} 的天"
        en = f"the overage times valid days / days of the month, valid are days above {above}"
        if rule.points == "valid_days":
            zh, en = f"{zh}，仅有效天的点参与排序", f"{en}, and only their points count"
        found.append((zh, en))
    if usage.partial_month == "by_days":
        found.append(
            (
                "不足整月的，超出费按服务天数折算",
                "in part of a month the overage is taken by days in service",
            )
        )
    if usage.partial_month == "zero":
        found.append(
            (
                "不足整月的，服务期外的点按 0 计",
                "in part of a month the points outside the service count as 0",
            )
        )
    if usage.included:
        free = plain(usage.included)
        found.append((f"每月包含 {free} GB", f"{free} GB a month are included"))
    return found
