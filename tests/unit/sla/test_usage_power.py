"""Power: against a slow way to the same, the older bills, and what is never guessed."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcim.metering.registers import Register, RegisterReading
from dcim.sla.rules.terms import Limit, PowerTerms, Usage
from dcim.sla.rules.usage.hand_readings import HandMeter, read_meter
from dcim.sla.rules.usage.meters import bill_demand, bill_energy
from dcim.sla.rules.usage.power import bill_power
from dcim.sla.rules.usage.readings import MeasuredPue, PowerOrder, Readings
from tests.examples import examples
from tests.unit.sla.usage_worlds import FIRST, TERMS, cents

QUARTER = 900_000
energies = st.lists(st.one_of(st.none(), st.integers(0, 10**7)), min_size=1, max_size=200)


def power(method: str, words: PowerTerms | None = None, **changes: object) -> Usage:
    said: dict[str, object] = {
        "id": "power", "title": {"zh": "", "en": ""}, "clause": "6", "applies_to": ("cabinet",),
        "method": method, "interval_ms": QUARTER, "price_over": Decimal("1.5"), "power": words,
    }  # fmt: skip
    return Usage(**(said | changes))  # type: ignore[arg-type]


def readings(values: list[int | None]) -> Readings:
    return Readings(FIRST, QUARTER, tuple(values))


@settings(max_examples=examples(150))
@given(energies, st.sampled_from([Decimal(1), Decimal("1.35")]))
def test_energy_and_demand_are_what_they_were(values: list[int | None], pue: Decimal) -> None:
    known = [value for value in values if value is not None]
    for method, bill_it in (("energy", bill_energy), ("demand", bill_demand)):
        usage = power(method, pue=pue)
        before = bill_it(TERMS, usage, known, len(known), len(values))
        after = bill_power(TERMS, usage, readings(values), PowerOrder())
        if known:
            assert (after.quantity, after.amount) == (before.quantity, before.amount)
        else:
            assert after.amount is None
        assert (after.expected, after.present) == (len(values), len(known))


@settings(max_examples=examples(200))
@given(
    energies,
    st.sampled_from(["percentile", "highest", "mean"]),
    st.sampled_from(["dropped", "zero", "carry"]),
    st.integers(0, 40),
    st.sampled_from([None, Decimal("1.2")]),
    st.integers(0, 2),
)
def test_committed_power_equals_a_slow_loop(
    values: list[int | None], how: str, missing: str, commit: int, factor: Decimal | None, step: int
) -> None:
    words = PowerTerms(
        measured_as=how,  # type: ignore[arg-type]
        commit=Decimal(commit),
        price_committed=Decimal(10),
        round_up=Decimal(step),
    )
    usage = power("committed_power", words, missing=missing, over_factor=factor)
    bill = bill_power(TERMS, usage, readings(values), PowerOrder(share=Fraction(1, 2)))
    filled: list[int] = []
    last = None
    for value in values:
        last = last if value is None else value
        instead = {"dropped": None, "zero": 0, "carry": last}[missing]
        taken = instead if value is None else value
        if taken is not None:
            filled.append(taken)
    fee = cents(Fraction(commit * 10, 2))
    if all(value is None for value in values):
        assert bill.amount is None
        assert [line.amount for line in bill.lines] == [fee, None]
        return
    if how == "mean":
        mwh = Fraction(sum(filled), len(filled))
    elif how == "highest":
        mwh = Fraction(max(filled))
    else:
        mwh = Fraction(
            next(v for v in sorted(filled) if 20 * sum(w <= v for w in filled) >= 19 * len(filled))
        )
    kw = mwh * 4 / 10**6
    while step and (kw / step).denominator != 1:
        kw = Fraction((kw // step + 1) * step)
    price = Fraction(12) if factor else Fraction(3, 2)
    assert bill.quantity == kw
    assert bill.amount == fee + cents(max(kw - commit, Fraction(0)) * price)


@settings(max_examples=examples(150))
@given(energies, st.integers(0, 2000), st.integers(0, 2000))
def test_least_and_most_hold(values: list[int | None], least: int, most: int) -> None:
    usage = power(
        "energy",
        PowerTerms(free_kwh=Decimal(1)),
        at_least=Limit("money", Decimal(least)),
        at_most=Limit("money", Decimal(most)),
    )
    bill = bill_power(TERMS, usage, readings([*values, 5]), PowerOrder())
    assert bill.amount is not None
    assert min(least, most) <= bill.amount <= most
    assert bill.amount == sum((line.amount or Decimal(0) for line in bill.lines), Decimal(0))


def month(mwh: int = 1_000_000) -> Readings:
    return readings([mwh] * 96)


PUE = MeasuredPue(FIRST, FIRST + 96 * QUARTER, 1500, 1000)


@pytest.mark.parametrize(
    ("usage", "order", "said"),
    [
        (power("breakered"), PowerOrder(), "amperes"),
        (power("flat", price_over="item"), PowerOrder(), "price"),
        (power("energy", PowerTerms(pue_measured=True)), PowerOrder(), "measured PUE"),
        (
            power("energy", PowerTerms(pue_measured=True)),
            PowerOrder(pue=replace(PUE, it_mwh=0)),
            "can't be right",
        ),
        (
            power("energy", PowerTerms(pue_measured=True)),
            PowerOrder(pue=replace(PUE, facility_mwh=999)),
            "below 1",
        ),
        (
            power("energy", PowerTerms(pue_measured=True)),
            PowerOrder(pue=replace(PUE, start=FIRST - 1)),
            "another period",
        ),
        (power("committed_power", PowerTerms(unit="A")), PowerOrder(), "no readings in mA"),
        (power("committed_power", PowerTerms(commit="item")), PowerOrder(), "committed power"),
        (
            power("committed_power", PowerTerms(commit=Decimal(1), price_committed="item")),
            PowerOrder(),
            "price of the committed power",
        ),
        (power("demand", PowerTerms(window=(0, 15)), price_over="item"), PowerOrder(), "price"),
    ],
)
def test_what_is_not_known_has_no_price_and_says_so(
    usage: Usage, order: PowerOrder, said: str
) -> None:
    bill = bill_power(TERMS, usage, month(), order)
    assert bill.amount is None
    [note] = bill.missing
    assert said in note["en"]
    assert note["zh"]
    assert [line.note for line in bill.lines if line.amount is None] == [note]


def test_a_measured_pue_has_a_price() -> None:
    """The control of the refusals above: 96 kWh x 1.5 x 1.5."""
    usage = power("energy", PowerTerms(pue_measured=True))
    bill = bill_power(TERMS, usage, month(), PowerOrder(pue=PUE))
    assert bill.amount == Decimal("216.00")


def test_demand_outside_its_window_is_not_known() -> None:
    usage = power("demand", PowerTerms(window=(0, 15)))
    none = readings([None, *[1_000_000] * 95])
    assert bill_power(TERMS, usage, none, PowerOrder()).missing[0]["en"].startswith("nothing was")
    assert bill_power(TERMS, usage, month(), PowerOrder()).amount == Decimal("6.00")


def test_readings_of_another_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="readings of 60000 ms"):
        bill_power(TERMS, power("energy"), Readings(FIRST, 60_000, (1,)), PowerOrder())


def test_what_a_meter_read_by_hand_cannot_tell_is_never_free() -> None:
    """1,000 kWh in 30 days, 0.1 kW included: of the month 72 kWh, by interval nobody knows."""
    count = 30 * 96
    end = FIRST + count * QUARTER
    marks = (RegisterReading(FIRST, 500), RegisterReading(end, 1500))
    meter = HandMeter("M1", "A", Register(6), FIRST, end, marks, window_ms=0)
    read = readings([None] * count)
    read = replace(read, by_hand=(read_meter(meter, TERMS.timezone),), polled=False)
    words = PowerTerms(free_kw=Decimal("0.1"))
    by_month = bill_power(TERMS, power("energy", words), read, PowerOrder())
    assert by_month.amount == Decimal("1392.00")
    words = replace(words, included_by_interval=True)
    by_interval = bill_power(TERMS, power("energy", words), read, PowerOrder())
    assert by_interval.amount is None
    [note] = by_interval.missing
    assert "doesn't tell the intervals" in note["en"]
    polled = bill_power(TERMS, power("energy", words), month(), PowerOrder())
    assert polled.amount == Decimal("140.40")  # 96 kWh less 24 h x 0.1 kW
