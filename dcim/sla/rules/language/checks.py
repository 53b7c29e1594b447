"""What terms may not say (holes, overlaps, contradictions) and what is legal but odd."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from dcim.errors import Message
from dcim.metering.charging import Mode
from dcim.sla.rules.language.tree import Reader
from dcim.sla.rules.quantities import plain, say_duration
from dcim.sla.rules.terms import Credit, Metric, PriceRows, Range, Target, Terms, Text

DAY_MS = 86_400_000
MONTHS = (28, 29, 30, 31)
MODE_NAMES: dict[Mode, str] = {
    "month_95": "月95",
    "day_95": "日95",
    "mean_day_95": "月均日95",
    "day_peak": "日峰值",
    "mean_day_peak": "月均日峰值",
    "fourth_peak": "月第四峰值",
    "top_5": "月Top5",
    "night_half_95": "夜间半价95",
    "enhanced_95": "增强95",
    "flat": "包端口",
    "traffic": "按流量",
}
_RANKED_BY_PLACE: tuple[Mode, ...] = ("day_peak", "mean_day_peak", "fourth_peak", "top_5")
_BY_DAY_OR_COUNTED: tuple[Mode, ...] = ("day_95", "day_peak", "flat", "traffic")
# Words of a usage that change nothing under a mode, so that they can only be a mistake.
IDLE_WORDS: dict[str, tuple[Mode, ...]] = {
    "percentile": (*_RANKED_BY_PLACE, "flat", "traffic"),
    "rank": (*_RANKED_BY_PLACE, "flat", "traffic"),
    "direction": ("enhanced_95", "flat"),
    "missing": ("flat", "traffic"),
    "round_up": ("flat", "traffic"),
    "commit": ("traffic",),
    "night": tuple(mode for mode in MODE_NAMES if mode != "night_half_95"),
    "pool": ("flat",),
    "pool_overage": (*_BY_DAY_OR_COUNTED,),
    "valid_days": (*_BY_DAY_OR_COUNTED,),
    "partial_month": (*_BY_DAY_OR_COUNTED,),
    "rank_of": tuple(
        mode for mode in MODE_NAMES if mode not in ("month_95", "night_half_95", "enhanced_95")
    ),
    "peak_of": ("flat", "traffic"),
    "included": tuple(mode for mode in MODE_NAMES if mode != "traffic"),
}


def read_range(words: Reader, convert: Callable[[str], Decimal]) -> Range:
    """Bounds written with from (>=) or above (>), up_to (<=) or below (<)."""
    lows = [key for key in ("from", "above") if words.has(key)]
    highs = [key for key in ("up_to", "below") if words.has(key)]
    for pair in (lows, highs):
        if len(pair) > 1:
            words.refuse(pair[0], Message("stands beside %(other)s: one of them", other=pair[1]))
    low = words.need(lows[0], convert, None) if lows else None
    high = words.need(highs[0], convert, None) if highs else None
    bounds = Range(low, lows == ["from"], high, highs == ["up_to"])
    point = low == high and bounds.low_inclusive and bounds.high_inclusive
    if low is not None and high is not None and low >= high and not point:
        words.refuse("", Message("the lower bound is not below the upper one"))
    return bounds


def refuse_idle_words(words: Reader, mode: Mode) -> None:
    """Adds a problem for every word of a usage that has no meaning under its charging mode."""
    for key, modes in IDLE_WORDS.items():
        if mode in modes and words.has(key):
            words.refuse(
                key,
                Message(
                    "has no meaning with mode %(mode)s (%(name)s)", mode=mode, name=MODE_NAMES[mode]
                ),
            )


def refuse_contradictions(terms: Terms, top: Reader) -> None:
    """Adds a problem to the reader for every contradiction the terms don't settle themselves."""
    metrics = top.group("metrics")
    if metrics is None:
        return
    for metric in terms.metrics:
        words = Reader((metrics.node.words or {})[metric.id], f"metrics.{metric.id}", top.problems)
        for message in _percent_against_minutes(metric):
            words.refuse(
                "governs", message, ("governs: percent", "governs: minutes", "governs: both")
            )
        credit = metric.credit
        if credit is None:
            continue
        below = words.group("credit") or words
        if credit.beyond_target and (
            metric.target.availability is None and metric.target.downtime_ms is None
        ):
            below.refuse("beyond", Message("the target allows no downtime by a share or a time"))
        if not credit.tiers:
            continue
        if credit.form != "tiers_availability" and credit.compare:
            below.refuse("compare", Message("is for availability tiers only"))
        for flaw in find_flaws(credit, metric.target):
            if flaw.kind == "hole" and credit.hole is None:
                below.refuse(
                    "hole",
                    Message("%(where)s is in no row; say what it gives", where=flaw.words),
                    ("hole: lower", "hole: upper", "hole: none", "hole: review"),
                )
            if flaw.kind == "overlap" and credit.overlap is None:
                below.refuse(
                    "overlap",
                    Message("%(where)s is in two rows; say which counts", where=flaw.words),
                    ("overlap: lower", "overlap: upper"),
                )


def largest_allowed(target: Target, length_ms: int, unit_ms: int, part: str) -> int:
    """Longest downtime (ms, in whole units of event rounding) that still meets one part."""
    if part == "percent" and target.availability is not None:
        exact = Fraction(100 - target.availability) / 100 * length_ms
        longest = exact.__floor__()
    else:
        longest = (target.downtime_ms or 0) - (0 if target.downtime_inclusive else 1)
    return max(longest, 0) // unit_ms * unit_ms


def _percent_against_minutes(metric: Metric) -> Iterator[Message]:
    target = metric.target
    if target.availability is None or target.downtime_ms is None:
        return
    unit = metric.event_rounding[1] if metric.event_rounding[0] != "none" else 1
    lengths = [metric.fixed_ms] if metric.fixed_ms else [days * DAY_MS for days in MONTHS]
    apart = []
    for length in lengths:
        percent = largest_allowed(target, length, unit, "percent")
        minutes = largest_allowed(target, length, unit, "minutes")
        if percent != minutes:
            apart.append((length, percent, minutes))
    if apart and not target.governs_stated:
        length, percent, minutes = apart[-1]
        yield Message(
            "%(share)s %% allows %(allowed)s of %(length)s, the stated time allows %(stated)s; "
            "say which governs",
            share=plain(target.availability),
            allowed=_say_length(percent),
            length=_say_length(length),
            stated=_say_length(minutes),
        )


def _say_length(ms: int) -> Text:
    zh, en = say_duration(ms)
    return {"zh": zh, "en": en}


@dataclass(frozen=True)
class Flaw:
    kind: str  # hole | overlap
    words: Text


# How a stretch of a scale is said.
FROM_TO = {"zh": "从 {} 到 {}", "en": "from {} to {}"}
ABOVE = {"zh": "{} 以上至 {}", "en": "above {}, to {},"}
BETWEEN = {"zh": "{} 与 {} 之间", "en": "between {} and {}"}
TO = {"zh": "{} 至 {}", "en": "{} to {}"}
AT = {"zh": "{} 处", "en": "at {}"}
EXACTLY = {"zh": "恰好 {}", "en": "exactly {}"}


def _stretch(said: Text, *ends: Text) -> Text:
    return {tongue: said[tongue].format(*(end[tongue] for end in ends)) for tongue in said}


def find_flaws(credit: Credit, target: Target) -> list[Flaw]:
    """Holes and overlaps of tiers over everything that misses the target."""
    if credit.form == "tiers_events":
        return _event_flaws(credit, target)
    say: Callable[[Decimal], Text] = (
        (lambda v: dict.fromkeys(("zh", "en"), f"{plain(v)} %"))
        if credit.form == "tiers_availability"
        else (lambda v: _say_length(int(v)))
    )
    rows = sorted(
        (tier.range for tier in credit.tiers),
        key=lambda r: (r.low if r.low is not None else Decimal(-1), not r.low_inclusive),
    )
    if credit.form == "tiers_availability":
        highest = target.availability if target.availability is not None else Decimal(100)
        first_low, last_high = Decimal(0), highest
        bottom_open = False
    else:
        first_low, last_high = Decimal(target.downtime_ms or 0), None
        bottom_open = True
    flaws: list[Flaw] = []
    first = rows[0]
    if first.low is not None and (
        first.low > first_low
        or (first.low == first_low and not first.low_inclusive and not bottom_open)
    ):
        flaws.append(Flaw("hole", _stretch(FROM_TO, say(first_low), say(first.low))))
    step = Decimal(1).scaleb(-credit.compare[1]) if credit.compare else None
    reached = first
    for row in rows[1:]:
        flaws += _between(reached, row, step, say)
        if reached.high is None or (row.high is not None and row.high < reached.high):
            continue
        reached = row
    if reached.high is not None:
        top = reached.high + step if step and reached.high_inclusive else reached.high
        if last_high is None or top < last_high:
            end = say(last_high) if last_high is not None else {"zh": "无穷", "en": "without end"}
            flaws.append(Flaw("hole", _stretch(ABOVE, say(reached.high), end)))
    return flaws


def _event_flaws(credit: Credit, target: Target) -> list[Flaw]:
    """Holes and overlaps of rows by outages, from the first number that can miss the target."""
    only_events = target.events is not None and (
        target.availability is None and target.downtime_ms is None
    )
    first = (target.events or 0) + 1 if only_events else 1
    bounds = {first}
    for tier in credit.tiers:
        for end in (tier.range.low, tier.range.high):
            bounds |= {int(end) - 1, int(end), int(end) + 1} if end is not None else set()
    flaws: list[Flaw] = []
    for count in sorted(bound for bound in bounds if bound >= first):  # only there it can change
        rows = sum(1 for tier in credit.tiers if tier.range.contains(Fraction(count)))
        if rows != 1:
            flaws.append(
                Flaw(
                    "overlap" if rows else "hole",
                    {"zh": f"中断 {count} 次", "en": f"{count} outages"},
                )
            )
    return flaws


def _between(
    lower: Range, upper: Range, step: Decimal | None, say: Callable[[Decimal], Text]
) -> list[Flaw]:
    """Flaws where one row ends and the next begins; on a grid neighbours differ by one step."""
    if lower.high is None or upper.low is None:
        return [Flaw("overlap", _stretch(AT, say(upper.low or lower.high or Decimal(0))))]
    if step is not None:
        end = lower.high if lower.high_inclusive else lower.high - step
        begin = upper.low if upper.low_inclusive else upper.low + step
        if begin > end + step:
            return [Flaw("hole", _stretch(BETWEEN, say(end), say(begin)))]
        return [Flaw("overlap", _stretch(TO, say(begin), say(end)))] if begin <= end else []
    if upper.low != lower.high:
        kind, ends = ("hole", (lower.high, upper.low))
        if upper.low < lower.high:
            kind, ends = ("overlap", (upper.low, lower.high))
        return [Flaw(kind, _stretch(BETWEEN, say(ends[0]), say(ends[1])))]
    if lower.high_inclusive != upper.low_inclusive:
        return []
    return [Flaw("overlap" if upper.low_inclusive else "hole", _stretch(EXACTLY, say(upper.low)))]


def find_oddities(terms: Terms) -> Iterator[Text]:
    """Warnings for what is legal but odd."""
    yield from _usage_oddities(terms)
    yield from _money_oddities(terms)
    for metric in terms.metrics:
        name = metric.id
        if metric.credit is None:
            yield _warn(name, "未约定抵扣, 未达标时无价", "no credit is named; a miss is unpriced")
        if metric.combine == "all" and not metric.min_coverage:
            yield _warn(
                name, "未约定最低覆盖率", "no minimum coverage is named; any gap is left out"
            )
        for exclusion in metric.exclude:
            if exclusion.kind == "maintenance" and exclusion.notice is None:
                yield _warn(
                    name, "维护不要求提前通知", "maintenance is excluded without any notice"
                )
        credit = metric.credit
        if credit is None:
            continue
        if credit.hole and not find_flaws(credit, metric.target):
            yield _warn(name, "分档无缝, 却写了 hole", "hole is stated, the rows have none")
        yield from _amount_oddities(name, credit, terms.currency)
        given = [tier.credit for tier in credit.tiers if tier.credit.kind == "percent"]
        if credit.cap and credit.cap.kind == "percent":
            above = [amount for amount in given if amount.value > credit.cap.value]
            if above:
                yield _warn(name, "上限低于最高档", "the cap lies below the highest row")
        if _falls(credit):
            yield _warn(name, "中断更久而抵扣更少", "a longer outage gives a smaller credit")


def _amount_oddities(name: str, credit: Credit, currency: str) -> Iterator[Text]:
    """A sign that may have been forgotten, and more than all of the fee."""
    amounts = [credit.give, credit.each, credit.initial, *(tier.credit for tier in credit.tiers)]
    for amount in amounts:
        if amount is None:
            continue
        value = plain(amount.value)
        whole = amount.value.as_tuple().exponent == 0
        if amount.kind == "money" and whole and amount.value <= 100:
            yield _warn(
                name,
                f"{value} 是 {value} {currency}，若指百分比请写 {value} %",
                f"{value} is {currency} {value}; for a share of the fee write {value} %",
            )
        if amount.kind == "percent" and amount.value > 100 and not credit.cap:
            yield _warn(
                name,
                f"{value} % 超过全部费用，且未约定上限",
                f"{value} % is more than the whole fee, and no cap is named",
            )


def _money_oddities(terms: Terms) -> Iterator[Text]:
    month = terms.cap_month
    if terms.combine_credits == "max" and (terms.exclusive or terms.not_combinable):
        yield _warn(
            "combine_credits",
            "max 已只计最高一项, exclusive 与 not_combinable 不起作用",
            "with max only the highest is given; exclusive and not_combinable change nothing",
        )
    if month and terms.min_payout and month.kind == "money" and month.value < terms.min_payout:
        yield _warn(
            "caps", "上限低于最低支付额", "the cap lies below the least that is paid; nothing is"
        )
    for metric in terms.metrics:
        credit = metric.credit
        if credit is None:
            continue
        amounts = [credit.give, credit.each, credit.initial, *(t.credit for t in credit.tiers)]
        caps = (credit.cap, credit.cap_event, credit.cap_day)
        needs_fee = credit.form == "prorata" or any(
            amount is not None and amount.kind in ("percent", "days")
            for amount in (*amounts, *caps)
        )
        plain = credit.base in ("item", "item_rent", "contract") and credit.fee_of == "month"
        if not needs_fee and not plain:
            yield _warn(
                metric.id, "抵扣为固定金额, 基数不起作用", "the base changes nothing: all is money"
            )


def _usage_oddities(terms: Terms) -> Iterator[Text]:
    for usage in terms.usage:
        if usage.mode == "fourth_peak":
            yield _warn(
                usage.id,
                "不足四天的月份（例如月末开通）计为 0",
                "a month with fewer than four days of service is charged as 0",
            )
        if usage.mode in ("mean_day_95", "mean_day_peak") and usage.missing == "dropped":
            yield _warn(
                usage.id,
                "整日无计费点的天不参与平均",
                "a day without any point is left out of the mean",
            )
        rows = usage.price_over
        if isinstance(rows, PriceRows) and rows.by == "whole" and _jumps_down(rows):
            yield _warn(
                usage.id,
                "越过分档时总价会下降（用得更多反而更便宜）",
                "the total falls where a row begins: using more may cost less",
            )
        if usage.method == "demand" and usage.pue != 1:
            yield _warn(usage.id, "需量不乘 PUE", "a demand is not multiplied by the PUE")


def _jumps_down(rows: PriceRows) -> bool:
    return any(later.price < earlier.price for earlier, later in pairwise(rows.rows))


def _falls(credit: Credit) -> bool:
    rows = sorted(
        (tier for tier in credit.tiers if tier.credit.kind == "percent"),
        key=lambda tier: tier.range.low if tier.range.low is not None else Decimal(-1),
    )
    values = [tier.credit.value for tier in rows]
    if credit.form == "tiers_availability":
        values.reverse()
    return any(later < earlier for earlier, later in pairwise(values))


def _warn(metric: str, zh: str, en: str) -> Text:
    return {"zh": f"{metric}：{zh}", "en": f"{metric}: {en}"}
