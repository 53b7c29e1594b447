"""From a missed target to money: form, row, base, cap, rounding, each step explained."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.facts import Item
from dcim.sla.rules.language.credit_words import say_amount, say_tier
from dcim.sla.rules.outcomes import Outcome
from dcim.sla.rules.quantities import (
    ROUNDING,
    Amount,
    fixed,
    grouped,
    money,
    plain,
    say_duration,
    say_span,
)
from dcim.sla.rules.terms import Credit, Metric, Terms, Text, Tier


@dataclass(frozen=True)
class Step:
    key: str
    label: Text
    formula: Text
    result: Text


@dataclass(frozen=True)
class Given:
    """A credit in money, rounded once; `review` when the terms leave a hole to a person."""

    amount: Decimal
    pct: Fraction
    base: Decimal
    capped: bool = False
    row: Text | None = None
    steps: tuple[Step, ...] = ()
    review: bool = False


@dataclass
class _Sum:
    """A credit under way: exact money and the steps so far."""

    base: Fraction
    day: Fraction
    amount: Fraction = Fraction(0)
    row: Text | None = None
    review: bool = False
    steps: list[Step] = field(default_factory=list)

    def worth(self, amount: Amount) -> Fraction:
        if amount.kind == "percent":
            return self.base * Fraction(amount.value) / 100
        return (
            self.day * Fraction(amount.value) if amount.kind == "days" else Fraction(amount.value)
        )

    def note(self, key: str, zh: str, en: str, formula: Text | str, result: Text | str) -> None:
        self.steps.append(Step(key, {"zh": zh, "en": en}, both(formula), both(result)))


def both(said: Text | str) -> Text:
    """Figures and symbols read the same in both languages."""
    return {"zh": said, "en": said} if isinstance(said, str) else said


def span(ms: int) -> Text:
    zh, en = say_span(ms)
    return {"zh": zh, "en": en}


ROUNDED = {
    "half_up": ("四舍五入到 {} 位小数", "rounded half up to {} decimals"),
    "half_even": ("四舍六入五成双到 {} 位小数", "rounded half to even, to {} decimals"),
    "down": ("舍去 {} 位小数以后的部分", "cut after {} decimals"),
}


def credit_base(credit: Credit, item: Item, contract_mrc: Decimal) -> Decimal:
    return {"item": item.mrc, "item_rent": item.rent, "contract": contract_mrc}[credit.base]


def give_credit(
    terms: Terms,
    metric: Metric,
    item: Item,
    outcome: Outcome,
    *,
    contract_mrc: Decimal,
    days: int,
    period_ms: int,
) -> Given:
    """The credit of a missed metric; `days` is the number of days of the period."""
    credit = metric.credit
    if credit is None:
        raise ValueError(f"metric {metric.id} names no credit")
    base = credit_base(credit, item, contract_mrc)
    day = {
        "mrc/30": Fraction(base) / 30,
        "mrc/days": Fraction(base) / days,
        "mrc*12/365": Fraction(base) * 12 / 365,
        None: Fraction(0),
    }[credit.day_value]
    work = _Sum(Fraction(base), day)
    work.note(
        "downtime",
        "计入中断",
        "Counted downtime",
        _say_events(outcome),
        span(outcome.downtime_ms),
    )
    if credit.day_value and _uses_days(credit):
        rule = {"mrc/30": "/ 30", "mrc/days": f"/ {days}", "mrc*12/365": "× 12 / 365"}
        worth = money(day, terms.decimals, terms.rounding)
        work.note(
            "day",
            "一天月费",
            "One day of the fee",
            f"{grouped(base)} {rule[credit.day_value]}",
            grouped(worth),
        )
    _FORMS[credit.form](work, metric, credit, outcome, period_ms)
    capped = _apply_cap(work, credit, terms)
    rounded = money(work.amount, terms.decimals, terms.rounding)
    work.note(
        "amount",
        "金额",
        "Amount",
        {
            language: f"{say_exact(work.amount)}{comma}{words.format(terms.decimals)}"
            for language, comma, words in zip(
                ("zh", "en"), ("，", ", "), ROUNDED[terms.rounding], strict=True
            )
        },
        f"{grouped(rounded)} {terms.currency}",
    )
    pct = work.amount / work.base * 100 if work.base else Fraction(0)
    return Given(rounded, pct, base, capped, work.row, tuple(work.steps), work.review)


def _uses_days(credit: Credit) -> bool:
    given = [credit.give, credit.each, credit.initial, *(tier.credit for tier in credit.tiers)]
    return credit.form == "prorata" or any(a is not None and a.kind == "days" for a in given)


def _say_events(outcome: Outcome) -> Text:
    count = len(outcome.events)
    lengths = _join([event.counted_ms for event in outcome.events])
    return {
        "zh": f"{count} 次中断" + (f"：{lengths['zh']}" if count else ""),
        "en": f"{count} outage{'' if count == 1 else 's'}"
        + (f": {lengths['en']}" if count else ""),
    }


def _join(lengths: list[int]) -> Text:
    """Lengths added up, the middle of many left out."""
    said: Text = {}
    for language in ("zh", "en"):
        parts = [span(length)[language] for length in lengths]
        parts = parts if len(parts) <= 6 else [*parts[:5], "…", parts[-1]]
        said[language] = " + ".join(parts)
    return said


def _flat(work: _Sum, metric: Metric, credit: Credit, outcome: Outcome, period_ms: int) -> None:
    del metric, outcome, period_ms
    _add(work, credit.give)


def _add(work: _Sum, amount: Amount | None, times: Fraction = Fraction(1)) -> None:
    if amount is None:
        raise ValueError("the form of credit lacks its amount")
    worth = work.worth(amount) * times
    work.amount += worth
    often = "" if times == 1 else f" × {times}"
    basis = f"{plain_money(work.base)} × " if amount.kind == "percent" else ""
    formula = {key: f"{basis}{said}{often}" for key, said in say_amount(amount).items()}
    work.note("give", "抵扣", "Credit", formula, say_exact(worth))


def say_exact(number: Fraction) -> str:
    """At most six decimals; steps before the rounding of money."""
    return grouped(plain(fixed(number, 6)))


def plain_money(number: Fraction) -> str:
    return grouped(fixed(number, 2))


def _tiers(work: _Sum, metric: Metric, credit: Credit, outcome: Outcome, period_ms: int) -> None:
    del period_ms
    value = tier_value(metric, credit, outcome)
    tier, review = find_tier(credit, value)
    work.review = review
    said = {"zh": f"可用率 {say_exact(value)} %", "en": f"availability {say_exact(value)} %"}
    if credit.form != "tiers_availability":
        length = span(int(value))
        said = {"zh": f"中断 {length['zh']}", "en": f"downtime {length['en']}"}
    if tier is None:
        nothing = {"zh": "条款无对应分档", "en": "no row of the terms holds it"}
        work.note("row", "适用档位", "Row", said, nothing)
        return
    work.row = say_tier(credit, tier)
    work.note("row", "适用档位", "Row", said, work.row)
    _add(work, tier.credit)


def tier_value(metric: Metric, credit: Credit, outcome: Outcome) -> Fraction:
    """Percent of availability on the grid the terms compare on, or milliseconds of downtime."""
    if credit.form == "tiers_duration":
        return Fraction(outcome.downtime_ms)
    exact = (outcome.availability if outcome.availability is not None else Fraction(1)) * 100
    if credit.compare is None:
        return exact
    how, decimals = credit.compare
    value = Fraction(fixed(exact, decimals, ROUNDING["down" if how == "cut" else "half_up"]))
    target = metric.target.availability
    if target is not None and value >= target > exact:  # rounding must not undo the miss
        value -= Fraction(1, 10**decimals)
    return value


def find_tier(credit: Credit, value: Fraction) -> tuple[Tier | None, bool]:
    """The row that holds the value, by the terms' word on overlaps and holes; (row, review)."""
    rows = [tier for tier in credit.tiers if tier.range.contains(value)]
    if rows:
        pick = max if credit.overlap == "upper" else min
        return pick(rows, key=lambda tier: tier.credit.value), False
    if credit.hole in (None, "none"):
        return None, False
    if credit.hole == "review":
        return None, True
    below = [t for t in credit.tiers if t.range.high is not None and t.range.high <= value]
    above = [t for t in credit.tiers if t.range.low is not None and t.range.low >= value]
    beside = []
    if below:
        beside.append(max(below, key=lambda tier: tier.range.high or Decimal(0)))
    if above:
        beside.append(min(above, key=lambda tier: tier.range.low or Decimal(0)))
    if not beside:
        return None, False
    pick = max if credit.hole == "upper" else min
    return pick(beside, key=lambda tier: tier.credit.value), False


def _count(value: Fraction, counted: str | None) -> int:
    return value.__ceil__() if counted == "started" else value.__floor__()


def _per_increment(
    work: _Sum, metric: Metric, credit: Credit, outcome: Outcome, period_ms: int
) -> None:
    del metric, period_ms
    lengths = (
        [event.counted_ms for event in outcome.events]
        if credit.per == "event"
        else [outcome.downtime_ms]
    )
    increments = sum(
        _count(Fraction(max(length - credit.after_ms, 0), credit.increment_ms), credit.counted)
        for length in lengths
    )
    if credit.initial is not None:
        _add(work, credit.initial, Fraction(sum(1 for length in lengths if length > 0)))
    started = credit.counted == "started"
    unit = say_duration(credit.increment_ms)
    parts, after = _join(lengths), span(credit.after_ms)
    work.note(
        "increments",
        f"{unit[0]}的个数（{'不足一个按一个计' if started else '不足一个不计'}）",
        f"Periods of {unit[1]} ({'started ones count' if started else 'only full ones count'})",
        {
            "zh": (f"（{parts['zh']}）" if len(lengths) > 1 else parts["zh"])
            + (f" − {after['zh']}" if credit.after_ms else "")
            + f" ÷ {unit[0]}",
            "en": (f"({parts['en']})" if len(lengths) > 1 else parts["en"])
            + (f" − {after['en']}" if credit.after_ms else "")
            + f" ÷ {unit[1]}",
        },
        str(increments),
    )
    _add(work, credit.each, Fraction(increments))


def _per_shortfall(
    work: _Sum, metric: Metric, credit: Credit, outcome: Outcome, period_ms: int
) -> None:
    del period_ms
    target = Fraction(metric.target.availability or Decimal(100))
    reached = (outcome.availability if outcome.availability is not None else Fraction(1)) * 100
    short = max(target - reached, Fraction(0))
    steps = _count(short / Fraction(credit.step), credit.counted)
    work.note(
        "shortfall",
        f"每 {plain(credit.step)} % 计一次",
        f"Steps of {plain(credit.step)} %",
        f"{plain(metric.target.availability or Decimal(100))} % − {say_exact(reached)} %",
        str(steps),
    )
    _add(work, credit.each, Fraction(steps))


def _per_event(
    work: _Sum, metric: Metric, credit: Credit, outcome: Outcome, period_ms: int
) -> None:
    del metric, period_ms
    _add(work, credit.each, Fraction(len(outcome.events)))


def _prorata(work: _Sum, metric: Metric, credit: Credit, outcome: Outcome, period_ms: int) -> None:
    del metric
    share = Fraction(outcome.downtime_ms, period_ms)
    least = work.day * credit.min_days
    work.amount = max(work.base * share * Fraction(credit.multiple), least)
    down, whole = span(outcome.downtime_ms), span(period_ms)
    floor = {"zh": f"，至少 {say_exact(least)}", "en": f", at least {say_exact(least)}"}
    work.note(
        "prorata",
        "按时长比例",
        "Pro rata",
        {
            key: f"{plain_money(work.base)} × {down[key]} / {whole[key]} × {plain(credit.multiple)}"
            + (floor[key] if least else "")
            for key in ("zh", "en")
        },
        say_exact(work.amount),
    )


def _apply_cap(work: _Sum, credit: Credit, terms: Terms) -> bool:
    if credit.cap is None:
        return False
    cap = work.worth(credit.cap)
    if work.amount <= cap:
        return False
    work.note(
        "cap",
        "单项上限",
        "Cap of the metric",
        {
            "zh": f"{say_exact(work.amount)} 与上限 {say_exact(cap)} 中较小者",
            "en": f"the lesser of {say_exact(work.amount)} and the cap of {say_exact(cap)}",
        },
        grouped(money(cap, terms.decimals, terms.rounding)),
    )
    work.amount = cap
    return True


_FORMS: dict[str, Callable[[_Sum, Metric, Credit, Outcome, int], None]] = {
    "flat": _flat,
    "tiers_duration": _tiers,
    "tiers_availability": _tiers,
    "per_increment": _per_increment,
    "per_shortfall": _per_shortfall,
    "per_event": _per_event,
    "prorata": _prorata,
}
