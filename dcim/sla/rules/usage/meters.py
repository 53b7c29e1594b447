"""Energy and highest demand of a month's meters, as statements list them."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dcim.sla.rules.quantities import fixed, grouped, money, plain
from dcim.sla.rules.steps import Step
from dcim.sla.rules.terms import Terms, Usage
from dcim.sla.rules.usage.lines import make_step

WATT_HOURS = 1000


@dataclass(frozen=True)
class Metered:
    """Energy or demand: quantity in kWh or kW, exact."""

    expected: int
    present: int
    quantity: Fraction
    amount: Decimal
    steps: tuple[Step, ...]


def bill_energy(
    terms: Terms, usage: Usage, energy_mwh: list[int], present: int, expected: int
) -> Metered:
    """Milliwatt-hours of each interval, summed to kWh, times PUE and price."""
    if not isinstance(usage.price_over, Decimal):
        raise TypeError(f"usage {usage.id} has no price")
    kwh = Fraction(sum(energy_mwh), 1000 * WATT_HOURS) * Fraction(usage.pue)
    exact = kwh * Fraction(usage.price_over)
    amount = money(exact, terms.decimals, terms.rounding)
    steps = (
        make_step(
            "energy",
            "电量",
            "Energy",
            {
                "zh": f"各路电表电量之和 × PUE {plain(usage.pue)}",
                "en": f"sum of the meters of all feeds × PUE {plain(usage.pue)}",
            },
            f"{grouped(fixed(kwh, 3))} kWh",
        ),
        make_step(
            "amount",
            "金额",
            "Amount",
            f"{grouped(fixed(kwh, 3))} kWh × {usage.price_over}",
            grouped(amount),
        ),
    )
    return Metered(expected, present, kwh, amount, steps)


def bill_demand(
    terms: Terms, usage: Usage, energy_mwh: list[int], present: int, expected: int
) -> Metered:
    """Highest mean power of an interval in kW; energy is that of whole intervals (mWh)."""
    if not isinstance(usage.price_over, Decimal):
        raise TypeError(f"usage {usage.id} has no price")
    hours = Fraction(usage.interval_ms, 3_600_000)
    kw = Fraction(max(energy_mwh, default=0), 1000 * WATT_HOURS) / hours
    amount = money(kw * Fraction(usage.price_over), terms.decimals, terms.rounding)
    steps = (
        make_step(
            "demand",
            "最高需量",
            "Highest demand",
            {
                "zh": "各计费间隔平均功率的最高值",
                "en": "the highest mean power of a billing interval",
            },
            f"{fixed(kw, 3)} kW",
        ),
        make_step(
            "amount",
            "金额",
            "Amount",
            f"{fixed(kw, 3)} kW × {usage.price_over}",
            grouped(amount),
        ),
    )
    return Metered(expected, present, kw, amount, steps)
