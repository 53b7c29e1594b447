"""What the database tells of an order, and only where the terms ask for it."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from dcim.metering.batch import Columns
from dcim.sla.rules.terms import PowerTerms, Terms, Usage
from dcim.sla.subjects import ItemSubjects, PortSubject, RackSubject
from dcim.sla.usage import HOUR_MS, power_bins, power_step
from dcim.sla.usage_orders import describe_order
from tests.unit.sla.usage_worlds import TERMS

TITLE = {"zh": "用量", "en": "Usage"}
MONTH = (0, 31 * 24 * HOUR_MS)
COMMITTED = Usage("kw", TITLE, "6", ("cabinet",), "committed_power", interval_ms=900_000)
BREAKER = Usage("a", TITLE, "6", ("cabinet",), "breakered", price_over=Decimal(9))
PORT = Usage("p", TITLE, "5", ("bandwidth",), "percentile", port="item", pool="contract")
OLD_ENERGY = Usage("kwh", TITLE, "6", ("cabinet",), "energy", price_over=Decimal(1))


def terms(*usage: Usage) -> Terms:
    return replace(TERMS, usage=usage)


def subject(kind: str, *, circuits: int = 1, speed: int = 10**10) -> ItemSubjects:
    nodes = tuple(SimpleNamespace(rated_a=32) for _ in range(circuits))
    rack = RackSubject(1, "S / R / A", cast(Any, None), cast(Any, nodes))
    port = PortSubject(1, "port/sw/1", "sw 1", "sw", (MONTH,), speed)
    item = SimpleNamespace(kind=kind, starts_on=dt.date(2026, 1, 1))
    return ItemSubjects(
        cast(Any, item), cast(Any, SimpleNamespace(contracted_w=6500)), [rack], [port]
    )


def test_the_committed_power_is_in_kilowatts() -> None:
    found = describe_order(subject("cabinet"), terms(COMMITTED), MONTH)
    assert found == {"power": {"commit": {"kW": "6.5"}}}


def test_the_breaker_is_that_of_the_one_circuit() -> None:
    found = describe_order(subject("cabinet"), terms(BREAKER), MONTH)
    assert found == {"power": {"amperes": "32"}}
    assert describe_order(subject("cabinet", circuits=2), terms(BREAKER), MONTH) == {}


def test_a_port_rate_that_is_not_known_is_left_out() -> None:
    assert describe_order(subject("bandwidth"), terms(PORT), MONTH) == {"port_bps": 10**10}
    assert describe_order(subject("bandwidth", speed=0), terms(PORT), MONTH) == {}


def test_terms_of_today_add_nothing() -> None:
    """The guard of statements that exist: their inputs stay byte for byte the same."""
    plain = replace(PORT, pool="", port="none")
    assert describe_order(subject("bandwidth"), terms(plain), MONTH) == {}
    assert describe_order(subject("cabinet"), terms(OLD_ENERGY), MONTH) == {}
    assert power_step([OLD_ENERGY], "cabinet", 0) == HOUR_MS


def test_bins_of_power_are_as_short_as_the_intervals_billed() -> None:
    other = replace(COMMITTED, interval_ms=600_000, power=PowerTerms())
    assert power_step([COMMITTED], "cabinet", 0) == 900_000
    assert power_step([COMMITTED, other], "cabinet", 0) == 300_000
    assert power_step([COMMITTED], "rack", 0) == HOUR_MS
    # A month that begins at a quarter to, as in Nepal.
    assert power_step([COMMITTED], "cabinet", 45 * 60_000) == 900_000


def test_shorter_bins_hold_the_same_energy() -> None:
    minutes = np.arange(120, dtype=np.int64) * 60_000
    level = np.full(120, 3_000_000, dtype=np.int64)
    none = np.full(120, -1, dtype=np.int64)
    zero = np.zeros(120, dtype=np.int64)
    columns = Columns(minutes, zero, zero, {"mw": level, "wh": none})
    hours = power_bins(columns, 0, 2 * HOUR_MS)
    quarters = power_bins(columns, 0, 2 * HOUR_MS, 900_000)
    assert [len(hours), len(quarters)] == [2, 8]
    assert sum(row[4] for row in hours) == sum(row[4] for row in quarters) == 6_000_000
    assert {(row[1], row[4]) for row in quarters} == {(900_000, 750_000)}
