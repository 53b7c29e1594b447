"""Capacity search over all racks: cold, warm, after a change; beside a plain count of the racks."""

import datetime as dt
import time
from collections.abc import Callable
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from dcim.capacity.search import search_capacity
from dcim.capacity.snapshot import forget
from dcim.capacity.wish import Wish
from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Hold
from dcim.inventory.space.holding import hold_space, release_hold
from tests.benchmarks.estate import SCOPE, Estate, Say, median, percentile, running_estate

RACKS = 10_000
ROUNDS = 30
ZONE = ZoneInfo("Asia/Shanghai")
WISHES = {
    "8U, 1 kW, both feeds": Wish(units=8, watts=1000),
    "2 × 10U, 2 kW, 4 ports, 140 kg, one row": Wish(
        units=10, count=2, watts=2000, ports=4, weight_kg=140, relation="same_row"
    ),
    "4 whole racks side by side, 4 kW": Wish(kind="rack", count=4, watts=4000, relation="adjacent"),
    "20U from a day in two months": Wish(
        units=20, watts=2500, starts_on=utc_now().date() + dt.timedelta(days=60)
    ),
}


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    with running_estate(racks, say) as estate:
        return measure(estate, racks, say)


def measure(estate: Estate, racks: int, say: Say) -> list[tuple[str, str]]:
    sessions = estate.sessions
    counted = text("SELECT count(*) FROM rack")
    count_ms = median(_time(sessions, lambda session: session.execute(counted).one()))
    figures = [
        ("Racks", f"{racks}"),
        ("Written in", f"{estate.loaded_s:.0f} s"),
        ("`SELECT count(*) FROM rack`", f"{count_ms:.2f} ms"),
        ("Cold: nothing remembered, all read", f"{_cold(sessions):.0f} ms"),
    ]
    for name, wish in WISHES.items():
        took = _time(sessions, partial(search_capacity, scope=SCOPE, wish=wish, zone=ZONE))
        figures.append(
            (
                f"Warm: {name}",
                (
                    f"median {median(took):.1f} ms, p95 {percentile(took, 0.95):.1f} ms,"
                    f" {median(took) / count_ms:.0f} × the count"
                ),
            )
        )
        say(f"{name}: {median(took):.1f} ms")
    changed = _after_changes(sessions)
    figures.append(
        (
            "After somebody held a place (one rack read again)",
            f"median {median(changed):.1f} ms, p95 {percentile(changed, 0.95):.1f} ms",
        )
    )
    return figures


def _time(sessions: SessionFactory, work: Callable[[Session], object]) -> list[float]:
    """Milliseconds of each round but the first, which fills caches."""
    took = []
    with transaction(sessions, SCOPE) as session:
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            work(session)
            took.append((time.perf_counter() - began) * 1000)
    return took[1:]


def _cold(sessions: SessionFactory) -> float:
    took = []
    for _ in range(3):
        with transaction(sessions, SCOPE) as session:
            forget(session)
            began = time.perf_counter()
            search_capacity(session, SCOPE, Wish(units=8, watts=1000), zone=ZONE)
            took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _after_changes(sessions: SessionFactory) -> list[float]:
    wish = Wish(units=4, watts=500)
    took = []
    with transaction(sessions, SCOPE) as session:
        place = search_capacity(session, SCOPE, wish, zone=ZONE).proposals[0].places[0]
    for number in range(ROUNDS):
        with transaction(sessions, SCOPE) as session:
            if number % 2:
                held = select(Hold).where(Hold.prospect == "benchmark")
                release_hold(session, SCOPE, session.scalars(held).one())
            else:
                hold_space(
                    session, SCOPE, place.rack.rack_id, prospect="benchmark", u_low=place.u_low,
                    height=place.height, expires_at=utc_now() + dt.timedelta(days=1),
                )  # fmt: skip
        with transaction(sessions, SCOPE) as session:
            session.execute(text("SELECT 1"))
            began = time.perf_counter()
            search_capacity(session, SCOPE, wish, zone=ZONE)
            took.append((time.perf_counter() - began) * 1000)
    return took
