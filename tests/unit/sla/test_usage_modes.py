"""Charging modes in terms: read, refused, in words, priced, and the same in a statement."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dcim.metering.bins import Bins
from dcim.metering.charging import Mode, charge_bins
from dcim.sla.rules.language.checks import IDLE_WORDS, MODE_NAMES
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.tree import TermsRefusedError
from dcim.sla.rules.language.usage_words import say_usage
from dcim.sla.rules.terms import Terms
from dcim.sla.rules.usage.bandwidth import Bandwidth, bill_bandwidth
from dcim.sla.rules.usage.modes import make_rule
from dcim.sla.rules.usage.prices import Order
from tests.unit.sla.test_cases import read_case

B04 = read_case(Path(__file__).parent / "cases" / "B04.yaml")["terms"]
FIVE = 300_000
FIRST = int(dt.datetime(2026, 10, 1, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000
MODES: tuple[Mode, ...] = get_args(Mode)


def terms_of(mode: Mode | None = None, **changes: str | None) -> Terms:
    """Terms in Shanghai's time: 2 yuan per Mbit/s (or GB), no commit; None leaves a word out."""
    words: dict[str, str | None] = {
        "title": "{zh: 带宽, en: Bandwidth}", "applies_to": "bandwidth", "method": "percentile",
        "mode": mode, "percentile": "95", "interval": "300 s", "direction": "in",
        "rank": "nearest", "missing": "dropped", "min_cover": "50 %", "commit": None,
        "price": "{over: 2.00}",
    }  # fmt: skip
    for key, modes in IDLE_WORDS.items():
        if mode in modes:
            words[key] = None
    if mode == "night_half_95":
        words["night"] = "23:00-07:00"
    if mode == "flat":
        words |= {"commit": "100 Mbit/s", "price": "{committed: 2.00}"}
    words |= changes
    head = B04[: B04.index("usage:")].replace("UTC", "Asia/Shanghai")
    lines = [f"    {key}: {value}" for key, value in words.items() if value is not None]
    return load_terms("\n".join([head + "usage:", "  port:", *lines, ""]))


def six_days() -> Bins:
    """Day d of six: in 100 d Mbit/s but for ten points of 200 d, out half of it."""
    rates = np.concatenate([[200 * day] * 10 + [100 * day] * 278 for day in range(1, 7)])
    octets = rates.astype(np.int64) * 37_500_000
    return Bins(FIRST, FIVE, octets, octets // 2, np.full(len(octets), FIVE, dtype=np.int64))


def bill(terms: Terms, bins: Bins | None = None) -> Bandwidth:
    return bill_bandwidth(terms, terms.usage[0], six_days() if bins is None else bins, Order())


# 1,728 points, 86 go: the ten peaks of 1200 .. 800 (50), then 36 of 600.
AMOUNTS: dict[Mode, tuple[int | None, str]] = {
    "month_95": (600, "1200.00"),
    "day_95": (None, "4200.00"),  # 14 of 288 go: 100 .. 600, summed, at 2
    "mean_day_95": (350, "700.00"),
    "day_peak": (None, "8400.00"),
    "mean_day_peak": (700, "1400.00"),
    "fourth_peak": (600, "1200.00"),
    "top_5": (800, "1600.00"),  # 1200, 1000, 800, 600, 400
    "night_half_95": (600, "1200.00"),
    "enhanced_95": (450, "900.00"),
    "flat": (100, "200.00"),
    # 288 x 2,100 + 10 x 2,100 Mbit/s of 37,500,000 octets: 23,467.5 GB.
    "traffic": (None, "46935.00"),
}


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_is_priced_and_says_how(mode: Mode) -> None:
    terms = terms_of(mode)
    found = bill(terms)
    mega, amount = AMOUNTS[mode]
    assert found.billed_bps == (None if mega is None else mega * 10**6)
    assert found.amount == Decimal(amount)
    usage = terms.usage[0]
    assert found.charged == charge_bins(
        six_days(), make_rule(usage, 100_000_000 if mode == "flat" else 0), "Asia/Shanghai"
    )
    said = say_usage(usage)
    if mode != "month_95":
        assert MODE_NAMES[mode] in said["zh"]
    assert all(step.formula["zh"] and step.result["en"] for step in found.steps)
    texts = [text for step in found.steps for text in (step.formula["en"], step.formula["zh"])]
    assert all(len(text) <= 160 for text in texts)  # what a page of a statement shows of it


def test_days_are_listed_so_that_a_person_can_add_them_up() -> None:
    steps = {step.key: step for step in bill(terms_of("mean_day_95")).steps}
    assert steps["days-1"].formula["en"] == (
        "10-01 100  10-02 200  10-03 300  10-04 400  10-05 500  10-06 600"
    )
    assert steps["days-1"].result["en"] == "Σ 2,100"
    assert steps["billed"].result["en"] == "350 Mbit/s"


def test_a_commit_is_taken_off_each_day_where_days_are_charged() -> None:
    # 100 .. 600 rounded up: 150, 300, 300, 450, 600, 600; less 250: 50, 50, 200, 350, 350.
    found = bill(terms_of("day_95", commit="250 Mbit/s", round_up="150 Mbit/s"))
    assert found.over_amount == Decimal("2000.00")
    assert found.over_bps is None


def test_terms_without_a_mode_are_what_they_were() -> None:
    """The canonical hash is over the text, so that older terms keep theirs; so does every word."""
    silent, said = terms_of(None), terms_of("month_95")
    assert silent.usage == said.usage
    assert silent.usage[0].mode == "month_95"
    assert silent.sha256 != said.sha256
    assert load_terms(B04.replace("DIRECTION", "in")).sha256 == (
        "67aea454828c27a04792f131d5f4dfb15bd3c91b7b24a8b53084645c25dc0f8a"
    )
    assert say_usage(silent.usage[0]) == say_usage(said.usage[0])


@pytest.mark.parametrize(
    ("key", "mode"), [(key, mode) for key, modes in IDLE_WORDS.items() for mode in modes]
)
def test_a_word_without_meaning_under_a_mode_is_refused(key: str, mode: Mode) -> None:
    word = {
        "percentile": "95", "rank": "nearest", "direction": "in", "missing": "zero",
        "round_up": "1 Mbit/s", "commit": "5 Mbit/s", "night": "00:00-08:00",
        "pool": "contract", "pool_overage": "pool", "valid_days": "{above: 0 B}",
        "partial_month": "zero", "included": "10 GB", "peak_of": "60 s",
        "rank_of": "30 d",
    }[key]  # fmt: skip
    with pytest.raises(TermsRefusedError, match=f"{key}: has no meaning with mode {mode} "):
        terms_of(mode, **{key: word})


@pytest.mark.parametrize(
    ("mode", "changes", "said"),
    [
        ("night_half_95", {"night": None}, "night: is missing"),
        ("night_half_95", {"night": "07:00-07:00"}, "empty"),
        ("flat", {"commit": None}, "flat .包端口. needs a commit"),
        ("flat", {"price": "{over: 2.00}"}, "flat .包端口. needs a commit"),
        ("traffic", {"price": "{over: 2.00, committed: 1.00}"}, "committed has no meaning"),
        ("mean_day_95", {"percentile": None}, "percentile: is missing"),
        ("top_5", {"direction": None}, "direction: is missing"),
        ("month_96", {}, "'month_96' is not known here"),
    ],
)
def test_modes_that_miss_something_are_refused(
    mode: Mode, changes: dict[str, str | None], said: str
) -> None:
    with pytest.raises(TermsRefusedError, match=said):
        terms_of(mode, **changes)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_measured_is_not_billed_but_a_flat_port_is(mode: Mode) -> None:
    nothing = Bins(FIRST, FIVE, *(np.zeros(576, dtype=np.int64) for _ in range(3)))
    found = bill(terms_of(mode), nothing)
    assert found.amount == (Decimal("200.00") if mode == "flat" else Decimal(0))
    assert (found.quantity is None) == (mode not in ("flat", "traffic"))


def test_what_is_legal_but_odd_is_said_in_both_languages() -> None:
    [warning] = terms_of("fourth_peak").warnings
    assert "不足四天" in warning["zh"]
    assert "fewer than four days" in warning["en"]
    assert not terms_of("mean_day_95", missing="zero").warnings
    assert terms_of("mean_day_95").warnings
