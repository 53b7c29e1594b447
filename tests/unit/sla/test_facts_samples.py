"""Samples of a facts file: lists and tables into bills, and what of them is refused."""

from decimal import Decimal

import pytest

from dcim.sla.rules.facts_usage import bill_usage
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.terms import Terms
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
            ("", "line 1: the columns must be"),
            ("from,to,in,out\n", "line 1: the columns must be from,to,in_octets"),
            ("from,to,in_octets,out_octets\n", "holds no samples"),
            ("H\n2025-10-01 00:00,2025-10-01 00:05,1\n", "line 2 has 3 cells, not 4"),
            ("H\n2025-10-01 00:05,2025-10-01 00:00,1,1\n", "line 2: ends at"),
            (
                "H\n2025-10-01 00:05,2025-10-01 00:10,1,1\n2025-10-01 00:00,2025-10-01 00:05,1,1\n",
                "line 3: begins at 2025-09-30T22:00:00Z, before the line above ended",
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
