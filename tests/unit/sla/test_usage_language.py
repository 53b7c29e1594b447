"""Words of usage: what is refused and where, what is odd, what they are read as and said as."""

from decimal import Decimal
from pathlib import Path

import pytest

from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.language.usage_words import say_usage
from dcim.sla.rules.terms import Limit, PriceRows, Share, Terms, ValidDays
from dcim.sla.rules.usage.lines import needs_lines
from tests.unit.sla.test_cases import read_case

CASES = Path(__file__).parent / "cases"


def changed(name: str, *changes: tuple[str, str]) -> Terms:
    """A case's terms with words exchanged; each must stand there."""
    text = read_case(CASES / f"{name}.yaml")["terms"]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load_terms(text)


OVER = "price: {over: 30.00}"
ROWS = "- {up_to: 100 Mbit/s, price: 80.00}"
BANDWIDTH = [
    (("port: item\n", "\n"), "usage.bandwidth.port: is missing: what the share is of"),
    (("20 % of port", "20 % of commit"), "at_least: is a share of a commit, which isn't there"),
    (("20 % of port", "20 apples"), "at_least: '20 apples' must be a rate"),
    (("20 % of port", "20.00 EUR"), "at_least: '20.00 EUR' must be a rate"),
    (("20 % of port", "20 % of port\n    at_most: 10 % of port"), "at_least: lies above at_most"),
    ((OVER, f"{OVER}\n    pool: Metro A"), "pool: 'Metro A' must be contract, site"),
    ((OVER, f"{OVER}\n    pool_overage: members"), "pool_overage: has no meaning without a pool"),
    ((OVER, f"{OVER}\n    included: 5 GB"), "included: has no meaning with mode month_95"),
    ((OVER, f"{OVER}\n    valid_days: {{above: 1 apple}}"), "valid_days.above: '1 apple' needs"),
    ((OVER, f"{OVER}\n    valid_days: {{}}"), "valid_days.above: is missing"),
    (
        (OVER, f"{OVER}\n    valid_days: {{above: 0 B}}\n    partial_month: by_days"),
        "partial_month: valid_days counts the days already",
    ),
    ((OVER, f"{OVER}\n    rank_of: 7 s"), "rank_of: must be a whole number of intervals"),
    ((OVER, f"{OVER}\n    rank_of: 0 d"), "rank_of: must be a whole number of intervals"),
    (("rank: nearest", "rank: interpolate\n    rank_of: 30 d"), "rank_of: can't be interpolated"),
    ((OVER, f"{OVER}\n    peak_of: 300 s"), "peak_of: an interval must be a whole number"),
    ((OVER, f"{OVER}\n    peak_of: 7 s"), "peak_of: an interval must be a whole number"),
    (
        (OVER, f"{OVER}\n    peak_of: 60 s\n    valid_days: {{above: 0 B}}"),
        "valid_days: can't be told from the peaks",
    ),
    ((OVER, f"{OVER}\n    partial_month: half"), "partial_month: 'half' is not known here"),
    ((OVER, "price: {over: 1.2 times committed}"), "price.over: is a multiple of price.committed"),
    ((OVER, "price: {over: committed and more}"), "price.over: 'committed and more' must read"),
    ((OVER, "price: {over: {by: parts, rows: []}}"), "price.over.rows: is missing"),
    ((OVER, "price: {over: {rows: [{price: 1.00}]}}"), "price.over.by: is missing"),
]


@pytest.mark.parametrize(("change", "said"), BANDWIDTH)
def test_bandwidth_that_cannot_be_meant_is_refused(change: tuple[str, str], said: str) -> None:
    assert changed("usage-tencent-least")  # unchanged it is read
    with pytest.raises(TermsRefusedError) as refused:
        changed("usage-tencent-least", change)
    assert said in str(refused.value)
    assert "line " in str(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((ROWS, "- {from: 10 Mbit/s, up_to: 100 Mbit/s, price: 1.00}"), "price below 10"),
        (("{above: 500 Mbit/s, price: 60.00}", "{above: 500 Mbit/s, up_to: 9 Gbit/s, price: 6}"),
         "the price above 9000: leave it open"),
        (("above: 100 Mbit/s", "above: 120 Mbit/s"), "the price from 100 to 120"),
        (("above: 100 Mbit/s", "above: 90 Mbit/s"), "two rows overlap"),
        (("above: 100 Mbit/s", "from: 100 Mbit/s"), "exactly 100 is in two rows"),
        (("up_to: 100 Mbit/s", "below: 100 Mbit/s"), "exactly 100 is in no row"),
        (("100 Mbit/s", "100 GB"), "needs one of the units"),
        (("by: parts", "by: pieces"), "by: 'pieces' is not known here"),
    ],
)  # fmt: skip
def test_rows_with_a_hole_or_an_overlap_are_refused(change: tuple[str, str], said: str) -> None:
    with pytest.raises(TermsRefusedError) as refused:
        changed("usage-steps-parts", change)
    assert said in str(refused.value)
    assert "usage.bandwidth.price.over" in str(refused.value)


def test_points_of_valid_days_only_are_never_filled() -> None:
    with pytest.raises(TermsRefusedError, match="points: points of other days"):
        changed("usage-huawei-valid-days", ("missing: dropped", "missing: zero"))


def test_a_least_below_the_commit_changes_nothing_and_is_refused() -> None:
    change = ("at_most: port", "at_least: 100 % of commit")
    with pytest.raises(TermsRefusedError, match="at_least: changes nothing"):
        changed("usage-burst-at-1-2", change)
    assert changed("usage-burst-at-1-2", (change[0], "at_least: 101 % of commit"))


@pytest.mark.parametrize("word", ["at_least: 10 Mbit/s", "at_most: 10 Mbit/s"])
def test_octets_have_no_rate_to_hold(word: str) -> None:
    with pytest.raises(TermsRefusedError, match="must be a sum of money with mode traffic"):
        changed("usage-traffic-included", ("included: 10000 GB", word))
    assert changed("usage-traffic-included", ("included: 10000 GB", word[:9] + " 5.00"))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("peak-valley", ("22:00-08:00", "22:00-07:00"), "by_hours: 07:00 has no price"),
        ("peak-valley", ("22:00-08:00", "21:00-08:00"), "by_hours: 21:00 has two prices"),
        ("peak-valley", ("22:00-08:00", "22-08"), "by_hours[3].hours: '22-08' must read like"),
        ("peak-valley", ("hours: 22:00-08:00, ", ""), "by_hours[3].hours: is missing"),
        ("peak-valley", ("interval: 15 min", "interval: 0 s"), "interval: a day must be"),
        ("peak-valley", ("interval: 15 min", "interval: 2 h"), "cuts through a billing interval"),
        ("peak-valley", ("interval: 15 min", "price: 1.00"), "price: stands beside by_hours"),
        ("peak-valley", ("interval: 15 min", "included: 5 kW"), "included_from: is missing"),
        (
            "peak-valley",
            (
                "interval: 15 min",
                "included: 5 kW\n    included_by: interval\n    included_from: dearest",
            ),
            "included_from: has no meaning with included_by",
        ),
        (
            "included",
            ("included: 3 kW", "included: 3 kWh\n    included_by: interval"),
            "included_by: has a meaning only for kW",
        ),
        ("peak-valley", ("interval: 15 min", "included_from: dearest"), "included_from: has no"),
        ("included", ("included: 3 kW", "included_from: dearest"), "included_from: has no meaning"),
        ("measured-pue", ("pue: measured", "pue: guessed"), "pue: 'guessed' must be a plain"),
        ("included", ("included: 3 kW", "included: 3 apples"), "included: '3 apples' needs a unit"),
        ("included", ("included: 3 kW", "window: 08:00-22:00"), "window: is not a word known"),
        ("demand-window", ("window: 08:00-22:00", "included: 5 kWh"), "included: is not a word"),
        ("flat", ("method: flat", "method: flat\n    pue: 1.5"), "pue: is not a word known here"),
        ("flat", ("method: flat", "method: rented"), "method: 'rented' is not known here"),
        ("flat", ("price: 800.00", "price: dear"), "price: 'dear' does not begin with a number"),
        (
            "flat",
            ("price: 800.00", "price: 8\n    at_most: 5 kW"),
            "at_most: '5 kW' is not in CNY",
        ),
        ("committed-kw", ("commit: item\n", "\n"), "commit: is missing: what price.committed is"),
        ("committed-kw", ("commit: item", "commit: 5 A"), "commit: '5 A' needs a unit"),
        ("committed-kw", ("unit: kW", "unit: hp"), "unit: 'hp' is not known here"),
        ("committed-kw", ("rank: nearest", "#"), "rank: is missing"),
        ("committed-kw", ("percentile: 95", "percentile: 0"), "percentile: 0 lies outside"),
        ("committed-kw", ("missing: dropped", "#"), "missing: is missing"),
        ("committed-kw", ("measured_as: percentile", "measured_as: mean"), "not a word known"),
        ("committed-kw", ("committed: 200.00, ", ""), "is a multiple of price.committed"),
    ],
)
def test_power_that_cannot_be_meant_is_refused(
    name: str, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(TermsRefusedError) as refused:
        changed(f"usage-power-{name}", change)
    assert said in str(refused.value)


def test_words_are_read_as_what_they_say() -> None:
    [usage] = changed("usage-burst-at-1-2").usage
    assert usage.commit == Share(Decimal(40))
    assert usage.at_most == Limit("port", Decimal(100))
    assert usage.over_factor == Decimal("1.2")
    [usage] = changed("usage-power-committed-kw").usage
    assert usage.over_factor == Decimal("1.2")
    [usage] = changed("usage-tencent-valid-days").usage
    assert usage.valid_days == ValidDays(1000, "bit/s")
    [usage] = changed("usage-huawei-valid-days", ("0 B", "5 MB")).usage
    assert usage.valid_days == ValidDays(5_000_000, "B", "valid_days")
    [usage] = changed("usage-traffic-included", ("10000 GB", "10 TB")).usage
    assert usage.included == 10_000
    [usage] = changed("usage-steps-whole").usage
    assert isinstance(usage.price_over, PriceRows)
    assert usage.price_over.by == "whole"


def test_clauses_are_said_in_both_languages() -> None:
    said = say_usage(changed("usage-burst-at-1-2").usage[0])
    assert said["en"].endswith(
        "; commit 40 % of the port; the commit at 50 per Mbit/s and month; "
        "charged at most 100 % of the port; "
        "above the commit 1.2 times the committed price per Mbit/s and month."
    )
    assert "最高按端口速率的 100 % 计" in said["zh"]
    said = say_usage(changed("usage-steps-parts").usage[0])
    assert "up to 100 at 80, above 100 up to 500 at 70, above 500 at 60; each part" in said["en"]
    said = say_usage(changed("usage-power-peak-valley").usage[0])
    assert said["en"] == (
        "Charged per kWh (intervals of 15 min), PUE 1, peak 08:00–11:00, 18:00–21:00 1.2 per kWh, "
        "flat 11:00–18:00, 21:00–22:00 0.8 per kWh, valley 22:00–08:00 0.4 per kWh."
    )
    said = say_usage(changed("usage-power-committed-kw").usage[0])
    assert said["zh"] == (
        "承诺功率（kW）按订单，每 kW 每月 200，实测取每 15 分钟均值的"
        "第 95 百分位（从小到大第 ⌈p·n⌉ 点），"
        "缺测的间隔不计，超出承诺的部分每 kW 每月按保底单价的 1.2 倍。"
    )


def test_what_is_legal_but_odd_is_said() -> None:
    [warning] = changed("usage-steps-whole").warnings
    assert "using more may cost less" in warning["en"]
    assert not changed("usage-steps-whole", ("by: whole", "by: parts")).warnings
    [warning] = changed("usage-power-demand-window", ("window:", "pue: 1.5\n    window:")).warnings
    assert "not multiplied by the PUE" in warning["en"]


@pytest.mark.parametrize(
    ("word", "needs"),
    [
        ("round_up: 1 Mbit/s", False),
        ("pool: contract", True),
        ("at_least: 5.00", True),
        ("at_most: 5.00", True),
        ("valid_days: {above: 0 B}", True),
        ("partial_month: zero", True),
        ("rank_of: 30 d", True),
        ("peak_of: 60 s", True),
    ],
)
def test_what_statements_cannot_list_yet_is_known(word: str, needs: bool) -> None:
    [usage] = changed("usage-carry", ("min_cover: 50 %", f"min_cover: 50 %\n    {word}")).usage
    assert needs_lines(usage) is needs
