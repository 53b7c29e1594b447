"""Months beside each other on paper: in both languages, without colour, and on one page."""

import copy
import io
from decimal import Decimal
from typing import Any

import pikepdf
import pytest

from reports.figures import Clock
from reports.render import page_markup, render
from reports.trend import arrange_trend, draw_bars, list_slots
from tests.unit.reports import samples


def with_trend(statement: dict[str, Any], months: int) -> dict[str, Any]:
    """So many months before October 2026: one missed promise in every third."""
    found = copy.deepcopy(statement)
    periods = [*(list_slots(["2025-10", "2026-10"])[-months - 1 : -1]), "2026-10"]

    def level(metric: dict[str, Any], place: int) -> dict[str, Any]:
        missed = place % 3 == 1
        return {
            "result": "breached" if missed else "met",
            "availability_pct": "99.912345" if missed else "100.000000",
        }

    found["trend"] = {
        "months": [
            {
                "period": period, "number": f"SLA-{period}", "revision": 1,
                "sha256": "a" * 64, "result": "met", "met": 2, "metrics": 3,
                "energy_wh": str(1_000_000 + 10_000 * place), "credits": "-12.00",
                "usage": "80.00", "total": str(Decimal(1000 + 100 * place)),
            }
            for place, period in enumerate(periods)
        ],
        "levels": [
            {"id": metric["id"], "label": metric["label"], "subject": metric["subject"],
             "months": [level(metric, place) for place, _ in enumerate(periods)]}
            for metric in found["metrics"]
        ],
        "services": [
            {"id": usage["id"], "item": usage["item"], "label": usage["label"],
             "months": [None, *({"billed_bps": 10**9 + place, "amount": "80.00"}
                                for place, _ in enumerate(periods[1:]))]}
            for usage in found["usage"]
        ],
    }  # fmt: skip
    return found


def arranged(statement: dict[str, Any], language: str = "en") -> dict[str, Any]:
    found = arrange_trend(statement, Clock("Asia/Shanghai", language))
    assert found is not None
    return found


def test_a_statement_without_months_before_has_no_section() -> None:
    assert arrange_trend(samples.example("en"), Clock("Asia/Shanghai", "en")) is None
    assert "Month by month" not in page_markup(samples.example("en"), small=False)


def test_months_never_issued_keep_their_place() -> None:
    statement = with_trend(samples.example("en"), 3)
    for part in (statement["trend"]["months"], *(one["months"] for key in ("levels", "services")
                                                 for one in statement["trend"][key])):  # fmt: skip
        del part[1]
    trend = arranged(statement)
    assert trend["slots"] == [("Jul", "2026"), ("Aug", "2026"), ("Sep", "2026"), ("Oct", "2026")]
    assert [cell.text for cell in trend["levels"][0][1]][1] == ""
    assert trend["total"][1] is None


def test_changes_are_told_on_the_month_and_on_the_year() -> None:
    due, energy, port = arranged(with_trend(samples.example("en"), 12))["bars"]
    assert due.value == "¥2,200.00"
    assert due.changes == ("on the month +4.8 %", "on the year +120.0 %")
    assert energy.value == "1,120.0 kWh"
    # The port has no month of last October: nothing to compare it with.
    assert port.changes == ("on the month 0.0 %",)


def test_what_was_missed_is_seen_without_colour_and_heard() -> None:
    cells = arranged(with_trend(samples.example("zh"), 4), "zh")["levels"][0][1]
    assert [cell.mark is not None for cell in cells] == [False, True, False, False, True]
    assert all("<title>未达标</title>" in str(cell.mark) for cell in cells if cell.mark)


def test_a_bar_tells_each_month_in_its_alternative_text() -> None:
    drawn = draw_bars(
        ["2026-08", "2026-09", "2026-10"], [Decimal(2), None, Decimal(4)], str, "kWh", "en"
    )
    assert "<title>kWh: 2026-08 2, 2026-09 –, 2026-10 4</title>" in drawn
    assert drawn.count("stroke-dasharray") == 1
    # Twice as much is twice as high.
    heights = [float(one.split('height="')[1].split('"')[0]) for one in drawn.split("<rect")[1:]]
    assert heights[2] == pytest.approx(2 * heights[0], abs=0.02)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_small_customer_s_year_stays_on_one_page(language: str) -> None:
    pdf = render(with_trend(samples.small(language), 12), [])
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert len(opened.pages) == 1
    word = "逐月对比" if language == "zh" else "Month by month"
    assert word in page_markup(with_trend(samples.small(language), 12), small=True)


def test_many_services_are_bars_of_the_largest() -> None:
    statement = with_trend(samples.many("en", 40), 2)
    for place, service in enumerate(statement["trend"]["services"]):
        service["months"][-1]["billed_bps"] = place * 1_000_000
    trend = arranged(statement)
    assert (len(trend["bars"]), trend["more_services"], len(trend["levels"])) == (12, 30, 24)
    assert trend["bars"][2].value == "39 Mbps"
    assert trend["more_levels"] == len(statement["metrics"]) - 24
