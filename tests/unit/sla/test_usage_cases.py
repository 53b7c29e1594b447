"""The worked cases of bandwidth and power in the terms language, to the last digit."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from dcim.metering.bins import Bins
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.terms import Terms
from dcim.sla.rules.usage.bandwidth import bill_bandwidth
from dcim.sla.rules.usage.meters import bill_demand, bill_energy
from dcim.sla.rules.usage.prices import Order
from tests.unit.sla.test_cases import read_case

HERE = Path(__file__).parent / "cases"
FIVE = 300_000


def bins_of(ins: list[str], outs: list[str], *, missing: int = 0) -> Bins:
    """Rates in Mbit/s as octets of whole five-minute bins, then bins nobody measured."""
    octets = [
        [int(Decimal(rate) * 10**6 * 300 / 8) for rate in rates] + [0] * missing
        for rates in (ins, outs)
    ]
    covered = [FIVE] * len(ins) + [0] * missing
    return Bins(0, FIVE, *(np.array(a, dtype=np.int64) for a in (*octets, covered)))


def test_b01_the_higher_percentile_is_billed() -> None:
    case = read_case(HERE / "B01.yaml")
    terms = load_terms(case["terms"])
    bill = bill_bandwidth(
        terms, terms.usage[0], bins_of(case["samples"]["in"], case["samples"]["out"]), Order()
    )
    assert bill.in_p is not None
    assert bill.out_p is not None
    want = case["expected"]
    assert bill.in_p.value == Decimal(want["in"]) * 10**6
    assert bill.out_p.value == Decimal(want["out"]) * 10**6
    assert bill.billed_bps == Decimal(want["billed"]) * 10**6


@pytest.mark.parametrize("days", ["28", "29", "30", "31"])
def test_b02_the_highest_twentieth_is_discarded(days: str) -> None:
    case = read_case(HERE / "B02.yaml")
    want = case["expected"][days]
    terms = load_terms(case["terms"])
    rates = [str(rate) for rate in range(1, int(want["points"]) + 1)]
    assert len(rates) == int(days) * 288
    shuffled = rates[1::2] + rates[::2]
    bill = bill_bandwidth(terms, terms.usage[0], bins_of(shuffled, ["0"] * len(rates)), Order())
    assert bill.billed is not None
    assert (bill.billed.count, bill.billed.discarded) == (
        int(want["points"]),
        int(want["discarded"]),
    )
    assert bill.billed_bps == Decimal(want["billed"]) * 10**6
    assert bill.amount == Decimal(want["amount"])


@pytest.mark.parametrize("rank", ["nearest", "discard_ceil", "round", "interpolate"])
def test_b03_the_rank_rule_decides(rank: str) -> None:
    case = read_case(HERE / "B03.yaml")
    terms = load_terms(case["terms"].replace("RANK", rank))
    samples, want = case["samples"], case["expected"][rank]
    rates = [*samples["in"], *[samples["then"]] * int(samples["times"])]
    bill = bill_bandwidth(terms, terms.usage[0], bins_of(rates, ["0"] * len(rates)), Order())
    assert bill.billed_bps == Decimal(want["billed"]) * 10**6
    assert bill.amount == Decimal(want["amount"])


def test_every_bandwidth_and_power_case_has_a_file() -> None:
    wanted = {"B01", "B02", "B03", "B04", "P01"}
    assert wanted <= {path.stem for path in HERE.glob("*.yaml")}


@pytest.mark.parametrize(
    "direction", ["percentile_of_higher", "higher_percentile", "percentile_of_sum"]
)
def test_b04_the_direction_rule_decides(direction: str) -> None:
    case = read_case(HERE / "B04.yaml")
    terms = load_terms(case["terms"].replace("DIRECTION", direction))
    bins = bins_of(case["samples"]["in"], case["samples"]["out"])
    bill = bill_bandwidth(terms, terms.usage[0], bins, Order())
    want = case["expected"][direction]
    assert bill.billed_bps == Decimal(want["billed"]) * 10**6
    assert bill.amount == Decimal(want["amount"])


@pytest.mark.parametrize("peak", ["40", "10"])
def test_p01_demand_plus_energy(peak: str) -> None:
    case = read_case(HERE / "P01.yaml")
    terms = load_terms(case["terms"])
    energy, demand = terms.usage
    top = int(Decimal(peak) * 10**6 / 4)  # kW over a quarter hour, in mWh
    quarters = int(case["samples"]["quarters"]) - 1
    rest = int(case["samples"]["kwh"]) * 10**6 - top
    rows = [top, *[rest // quarters] * quarters]
    rows[-1] += rest - rest // quarters * quarters
    charged = (
        bill_energy(terms, energy, rows, len(rows), len(rows)).amount
        + bill_demand(terms, demand, rows, len(rows), len(rows)).amount
    )
    assert charged == Decimal(case["expected"][peak])


def b04_terms(**changes: str) -> Terms:
    text = read_case(HERE / "B04.yaml")["terms"].replace("DIRECTION", "higher_percentile")
    for old, new in changes.items():
        text = text.replace(f"{old}: ", f"{old}: {new} #")
    return load_terms(text)


def test_missing_bins_dropped_or_zero_as_the_terms_say() -> None:
    case = read_case(HERE / "B04.yaml")["samples"]
    bins = bins_of(case["in"], case["out"], missing=20)
    dropped, zero = b04_terms(missing="dropped"), b04_terms(missing="zero")
    first = bill_bandwidth(dropped, dropped.usage[0], bins, Order())
    second = bill_bandwidth(zero, zero.usage[0], bins, Order())
    assert (first.present, first.expected) == (20, 40)
    assert first.billed is not None
    assert second.billed is not None
    assert (first.billed.count, first.billed_bps) == (20, 7_000_000)
    assert (second.billed.count, second.billed_bps) == (40, 5_000_000)


def test_nothing_measured_bills_nothing_and_says_so() -> None:
    terms = b04_terms()
    bill = bill_bandwidth(terms, terms.usage[0], bins_of([], [], missing=9), Order())
    assert (bill.billed, bill.over_bps, bill.over_amount) == (None, None, Decimal("0.00"))


def test_the_order_gives_what_the_terms_leave_to_it() -> None:
    terms = b04_terms(commit="item", price="{committed: item, over: item}")
    bins = bins_of(["20"] * 20, ["4"] * 20)
    order = Order(commit_bps=8_000_000, price_committed=Decimal(3), price_over=Decimal("4.5"))
    bill = bill_bandwidth(terms, terms.usage[0], bins, order)
    assert (bill.committed_amount, bill.over_amount) == (Decimal("24.00"), Decimal("54.00"))
    with pytest.raises(TypeError, match="price"):
        bill_bandwidth(terms, terms.usage[0], bins, Order())


def test_bins_of_another_interval_are_refused() -> None:
    terms = b04_terms(interval="60 s")
    with pytest.raises(ValueError, match="interval"):
        bill_bandwidth(terms, terms.usage[0], bins_of(["1"], ["1"]), Order())
