"""Samples of a facts file: lists and tables into bills, and what of them is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dcim.sla.rules.files.facts import load_facts
from dcim.sla.rules.files.usage import bill_usage
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.terms import Terms
from dcim.sla.rules.usage.bandwidth import Bandwidth
from tests.unit.sla.test_cases import read_case
from tests.unit.sla.test_facts_loading import FACTS, PORT, TERMS, read, refused


@pytest.fixture(scope="module")
def terms() -> Terms:
    return load_terms(TERMS)


class TestSamples:
    def test_lists_and_tables_give_the_same_bill(self, terms: Terms) -> None:
        rates_in, rates_out = [20, *[5] * 18], [4, 18, 7, *[4] * 16]
        lists = f"""
usage:
  - usage: bandwidth
    item: P1
    commit: 6 Mbit/s
    samples:
      start: 2025-10-01 00:00
      every: 300 s
      unit: Mbit/s
      in: {rates_in}
      out: {rates_out}
"""
        first = bill_usage(terms, read(terms, lists, facts=PORT))
        table = ["from,to,in_octets,out_octets"]
        for index, (inward, outward) in enumerate(zip(rates_in, rates_out, strict=True)):
            low, high = divmod(index * 5, 60), divmod(index * 5 + 5, 60)
            octets = [rate * 37_500_000 for rate in (inward, outward)]
            table.append(
                f"2025-10-01 {low[0]:02}:{low[1]:02},2025-10-01 {high[0]:02}:{high[1]:02},"
                f"{octets[0]},{octets[1]}"
            )
        named = "usage: [{usage: bandwidth, item: P1, commit: 6 Mbit/s, samples: t.csv}]"
        file = read(terms, named, facts=PORT, beside={"t.csv": "\n".join(table)}.__getitem__)
        second = bill_usage(terms, file)
        for lines in (first, second):
            bill = lines[0].bill
            assert bill is not None
            # 19 points: rank ceil(18.05) = 19, the highest: 20 in, 18 out; 20 - 6 = 14 x 8.00
            assert (bill.present, bill.amount) == (19, Decimal("112.00"))
        assert set(file.tables) == {"t.csv"}
        assert len(file.tables["t.csv"]) == 64

    def test_energy_of_two_feeds_is_added(self, terms: Terms) -> None:
        more = """
usage:
  - usage: energy
    item: A05
    samples: {start: 2025-10-01, every: 15 min, unit: kWh, values: [1.5, 2, -]}
  - usage: energy
    item: A05
    samples: {start: 2025-10-01, every: 30 min, unit: kW, values: [4, 2]}
"""
        (line,) = bill_usage(terms, read(terms, more))
        # 1.5 + 2 kWh, and 4 kW x 0.5 h + 2 kW x 0.5 h = 3 kWh; 6.5 x 1.20 = 7.80
        assert line.bill is not None
        assert (line.bill.amount, line.bill.present) == (Decimal("7.80"), 2)

    def test_without_samples_nothing_is_charged_and_it_is_told(self, terms: Terms) -> None:
        assert [line.bill for line in bill_usage(terms, read(terms))] == [None]

    def test_only_the_time_in_service_counts(self, terms: Terms) -> None:
        facts = FACTS.replace("mrc: 6000.00", "mrc: 6000.00, from: 2025-10-02")
        more = """
usage:
  - usage: energy
    item: A05
    samples: {start: 2025-10-01 23:00, every: 2 h, unit: kWh, values: [3, 1]}
"""
        (line,) = bill_usage(terms, read(terms, more, facts=facts))
        assert line.bill is not None
        assert line.bill.amount == Decimal("3.00")  # half of 3 kWh, and 1 kWh, x 1.20

    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ("", "t.csv: is empty: its first line names the columns, beginning with from,to,"),
            ("\ufeff \n", "t.csv: is empty"),
            ("\na,b\n", "line 1: the columns must begin with from,to, not an empty line"),
            ("a,b\n", "line 1: the columns must begin with from,to, not a,b"),
            ("from,to\n", "in_mbit_s,out_mbit_s, not from,to"),
            ("from,to,in,out\n", "line 1: the columns must be from,to,in_octets"),
            ("from,to,in_octets,out_octets\n", "holds no rows"),
            ("H\n2025-10-01 00:00,2025-10-01 00:05,1\n", "line 2 has 3 cells, not 4"),
            ("H\n2025-10-01 00:05,2025-10-01 00:00,1,1\n", "line 2: ends at"),
            (
                "H\n2025-10-01 00:05,2025-10-01 00:10,1,1\n2025-10-01 00:00,2025-10-01 00:05,1,1\n",
                "line 3: begins at 2025-10-01 00:00:00+02:00, before the line above ended",
            ),
            ("H\n2025-10-01 00:00,2025-10-01 00:05,-1,1\n", "line 2: '-1' is negative"),
            ("H\n2025-10-01 00:00,2025-10-01 00:05,1e3,1\n", "line 2: '1e3' is not a plain number"),
            ("H\n2025-10-01 00:00,2025-10-01 00:05,1.5,1\n", "must be whole octets"),
            ("H\n2025-10-26 02:30,2025-10-26 05:00,1,1\n", "comes twice"),
        ],
    )
    def test_bad_tables_are_refused_with_their_line(
        self, terms: Terms, table: str, said: str
    ) -> None:
        more = "usage: [{usage: bandwidth, item: P1, commit: 6 Mbit/s, samples: t.csv}]"
        text = table.replace("H\n", "from,to,in_octets,out_octets\n")
        message = refused(terms, more, facts=PORT, beside=lambda _: text)
        assert said in message
        assert "usage[1].samples: t.csv" in message

    def test_an_empty_cell_is_not_measured(self, terms: Terms) -> None:
        more = "usage: [{usage: bandwidth, item: P1, commit: 0 Mbit/s, samples: t.csv}]"
        text = (
            "from,to,in_mbit_s,out_mbit_s\n2025-10-01 00:00,2025-10-01 00:05,,\n"
            "2025-10-01 00:05,2025-10-01 00:10,0.5,2\n"
        )
        bill = bill_usage(terms, read(terms, more, facts=PORT, beside=lambda _: text))[0].bill
        assert bill is not None
        assert (bill.present, bill.amount) == (1, Decimal("16.00"))

    def test_what_the_terms_leave_to_the_order_must_be_there(self, terms: Terms) -> None:
        samples = "samples: {start: 2025-10-01, every: 300 s, unit: Mbit/s, in: [1], out: [1]}"
        more = f"usage: [{{usage: bandwidth, item: P1, {samples}}}]"
        assert "commit is missing: the terms leave it" in refused(terms, more, facts=PORT)
        order = "commit: 1 Mbit/s, price: {over: 1}"
        more = f"usage: [{{usage: bandwidth, item: P1, {order}, {samples}}}]"
        assert "price.over is not asked for" in refused(terms, more, facts=PORT)


CASES = Path(__file__).parent / "cases"


def bill_case(case: dict[str, Any], direction: str = "in") -> Bandwidth:
    """A worked case of bandwidth, its samples in a facts file."""
    terms = load_terms(case["terms"].replace("DIRECTION", direction))
    ins, outs = (", ".join(case["samples"][way]) for way in ("in", "out"))
    file = load_facts(
        "period: 2025-10\nitems: [{id: P1, kind: bandwidth, mrc: 1}]\nusage:\n"
        "  - usage: bandwidth\n    item: P1\n    samples: {start: 2025-10-01, every: 300 s, "
        f"unit: Mbit/s, in: [{ins}], out: [{outs}]}}\n",
        terms,
    )
    bill = bill_usage(terms, file)[0].bill
    assert isinstance(bill, Bandwidth)
    return bill


def test_b01_from_a_facts_file() -> None:
    case = read_case(CASES / "B01.yaml")
    bill = bill_case(case)
    assert bill.in_p is not None
    assert bill.out_p is not None
    found = {"in": bill.in_p.value, "out": bill.out_p.value, "billed": bill.billed_bps}
    assert found == {key: Decimal(rate) * 10**6 for key, rate in case["expected"].items()}


@pytest.mark.parametrize(
    "direction", ["percentile_of_higher", "higher_percentile", "percentile_of_sum"]
)
def test_b04_from_a_facts_file(direction: str) -> None:
    case = read_case(CASES / "B04.yaml")
    bill = bill_case(case, direction)
    want = case["expected"][direction]
    assert bill.billed_bps == Decimal(want["billed"]) * 10**6
    assert bill.amount == Decimal(want["amount"])


@pytest.mark.parametrize("peak", ["40", "10"])
def test_p01_from_a_table_of_quarter_hours(peak: str) -> None:
    case = read_case(CASES / "P01.yaml")
    terms = load_terms(case["terms"])
    quarters = int(case["samples"]["quarters"]) - 1
    top = int(Decimal(peak) * 10**6 / 4)  # kW over a quarter hour, in mWh
    rest = int(case["samples"]["kwh"]) * 10**6 - top
    energy = [top, *[rest // quarters] * quarters]
    energy[-1] += rest - rest // quarters * quarters
    first = datetime(2025, 10, 1, tzinfo=UTC)
    rows = ["from,to,kwh"]
    for index, mwh in enumerate(energy):
        start = first + timedelta(minutes=15 * index)
        end = start + timedelta(minutes=15)
        rows.append(f"{start.isoformat()},{end.isoformat()},{Decimal(mwh).scaleb(-6):f}")
    file = load_facts(
        "period: 2025-10\nitems: [{id: A05, kind: cabinet, mrc: 1}]\nusage:\n"
        "  - {usage: energy, item: A05, samples: m.csv}\n"
        "  - {usage: demand, item: A05, samples: m.csv}\n",
        terms,
        beside={"m.csv": "\n".join(rows)}.__getitem__,
    )
    bills = [line.bill for line in bill_usage(terms, file)]
    charged = sum((bill.amount or Decimal(0) for bill in bills if bill is not None), Decimal(0))
    assert charged == Decimal(case["expected"][peak])
    assert [bill.present for bill in bills if bill is not None] == [2881, 2881]
