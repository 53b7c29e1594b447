"""From a missed target to money: base, form, caps, rounding, each step explained."""

from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.facts import Facts, Item, Period
from dcim.sla.rules.money.bases import day_worth, find_base, week_worth
from dcim.sla.rules.money.forms import apply_form
from dcim.sla.rules.outcomes import Outcome
from dcim.sla.rules.quantities import grouped, money
from dcim.sla.rules.steps import (
    Given,
    Work,
    join_spans,
    row_amounts,
    say_exact,
    span,
)
from dcim.sla.rules.terms import Credit, Metric, Terms, Text

ROUNDED = {
    "half_up": ("四舍五入到 {} 位小数", "rounded half up to {} decimals"),
    "half_even": ("四舍六入五成双到 {} 位小数", "rounded half to even, to {} decimals"),
    "down": ("舍去 {} 位小数以后的部分", "cut after {} decimals"),
}


def give_credit(
    terms: Terms,
    metric: Metric,
    item: Item,
    outcome: Outcome,
    facts: Facts,
    period: Period,
    contract_mrc: Decimal,
) -> Given:
    """The credit of a missed metric."""
    credit = metric.credit
    if credit is None:
        raise ValueError(f"metric {metric.id} names no credit")
    days = facts.days_in_period
    fee, missing = find_base(credit, item, facts, contract_mrc)
    day = day_worth(credit.day_value, fee, days)
    base = fee
    if credit.fee_of == "week" and credit.week_value is not None:
        base = week_worth(credit.week_value, fee, days)
    work = Work(terms, metric, credit, item, outcome, period, base, day, missing=missing)
    work.note(
        "downtime",
        "计入中断",
        "Counted downtime",
        _say_events(outcome),
        span(outcome.downtime_ms),
    )
    shown_fee = _shown(credit, item, contract_mrc, fee, terms)
    if credit.week_value is not None:
        rule = credit.week_value.removeprefix("mrc").replace("*", " × ").replace("/", " / ")
        worth = money(base, terms.decimals, terms.rounding)
        formula = f"{grouped(shown_fee)}{rule.replace('days', str(days))}"
        work.note("week", "一周费用", "One week of the fee", formula, grouped(worth))
    if credit.day_value and _uses_days(credit):
        rules = {"mrc/30": "/ 30", "mrc/days": f"/ {days}", "mrc*12/365": "× 12 / 365"}
        worth = money(day, terms.decimals, terms.rounding)
        work.note(
            "day",
            "一天月费",
            "One day of the fee",
            f"{grouped(shown_fee)} {rules[credit.day_value]}",
            grouped(worth),
        )
    apply_form(work)
    capped = _apply_cap(work)
    shown_base = shown_fee if base == fee else money(base, terms.decimals, terms.rounding)
    if work.missing:  # nothing can be said of the money
        nothing = Decimal(0).quantize(Decimal(1).scaleb(-terms.decimals))
        return Given(nothing, Fraction(0), shown_base, review=True, missing=tuple(work.missing))
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
    return Given(rounded, pct, shown_base, capped, work.row, tuple(work.steps), work.review)


def _shown(
    credit: Credit, item: Item, contract_mrc: Decimal, fee: Fraction, terms: Terms
) -> Decimal:
    """The fee as it is written; what was computed, to the terms' decimals."""
    written = {"item": item.mrc, "item_rent": item.rent, "contract": contract_mrc}
    return written.get(credit.base, money(fee, terms.decimals, terms.rounding))


def _uses_days(credit: Credit) -> bool:
    return credit.form == "prorata" or any(a.kind == "days" for a in row_amounts(credit))


def _say_events(outcome: Outcome) -> Text:
    count = len(outcome.events)
    lengths = join_spans(event.counted_ms for event in outcome.events)
    return {
        "zh": f"{count} 次中断" + (f"：{lengths['zh']}" if count else ""),
        "en": f"{count} outage{'' if count == 1 else 's'}"
        + (f": {lengths['en']}" if count else ""),
    }


def _apply_cap(work: Work) -> bool:
    if work.credit.cap is None:
        return False
    cap = work.worth(work.credit.cap)
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
        grouped(money(cap, work.terms.decimals, work.terms.rounding)),
    )
    work.amount = cap
    return True
