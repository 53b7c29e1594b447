"""Rules that foresee: live and on history the same, each instant once, nothing read between."""

import datetime as dt

import pytest
from sqlalchemy import delete, select

from dcim.alarms.defaults import ensure_rules
from dcim.alarms.foreseeing import SETTLE_MS
from dcim.alarms.governing import rule_of
from dcim.alarms.models import Alarm, AlarmRule
from dcim.alarms.rooting import read_raised
from dcim.alarms.rule_keeping import RuleNames, create_rule, switch_rule
from dcim.alarms.rules.limits import Rule
from dcim.alarms.rules.trends import first_instant, step_of
from dcim.alarms.trying import try_rule
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.power.models import PowerNode
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.web.boards import Counter

HOUR = 3_600_000
# Six hours of trend, a day ahead; every 12 minutes 51 seconds.
RULE = Rule(
    kind="forecast", quantity="node_load", way="above", raise_at=100, clear_at=90, raise_for_s=0,
    clear_for_s=0, severity="warning", window_s=21_600, horizon_s=86_400,
)  # fmt: skip
STEP = step_of(RULE.window_s * 1000)


class Climb:
    """A PDU of 16 A, derated to 12.8, whose load climbs by `per_hour` mA from `begin` on."""

    def __init__(self, watch: Watch) -> None:
        self.watch, session = watch, watch.session
        node = session.scalars(select(PowerNode).where(PowerNode.code == "OPERATOR-PDU-A-A")).one()
        node.derate_pct = 80
        self.series = session.scalars(
            select(Series.id).where(Series.power_node_id == node.id)
        ).one()
        self.rule = create_rule(session, STAFF, RuleNames("load-ahead", "趋势", "Trend"), RULE)
        switch_rule(session, STAFF, self.rule.id, enabled=True)
        session.commit()
        # All of it after what the house begins with.
        self.end = 13 * HOUR // STEP * STEP + first_instant(
            round(watch.start.timestamp() * 1000), RULE.window_s * 1000
        )

    def feed(self, first_h: float, last_h: float, ma: int, per_hour: int) -> None:
        """Hours from `end`, a sample every five minutes; `ma` is what it draws at `first_h`."""
        rows = []
        for ts in range(self.end + round(first_h * HOUR), self.end + round(last_h * HOUR), 300_000):
            draw = ma + per_hour * (ts - self.end - round(first_h * HOUR)) // HOUR
            rows.append((self.series, ts, 0, 0, 230_000, draw, draw * 230, -1))
        self.watch.house.store.append(self.watch.session, "power", rows)
        self.watch.session.commit()

    def round(self, ms: int) -> None:
        self.watch.round(
            (dt.datetime.fromtimestamp(ms / 1000, dt.UTC) - self.watch.start)
            / dt.timedelta(minutes=1)
        )

    def alarms(self) -> list[Alarm]:
        return self.watch.alarms("load-ahead")


@pytest.fixture
def climb(watch: Watch) -> Climb:
    return Climb(watch)


def test_live_and_on_history_it_is_the_same(climb: Climb, watch: Watch) -> None:
    # 5 A, then up by 0.4 A an hour, then down again: 12.8 A are never reached.
    start = climb.end - 5 * HOUR // STEP * STEP
    climb.feed(-12, -5, 5000, 0)
    for place in range(17 * HOUR // STEP):
        hour = (start - climb.end + place * STEP) / HOUR
        rising = hour < 2
        climb.feed(
            hour, hour + STEP / HOUR, round(5000 + 400 * (hour + 5 if rising else 9 - hour)),
            400 if rising else -400,
        )  # fmt: skip
        climb.round(start + (place + 1) * STEP + SETTLE_MS + 1000)
    live = climb.alarms()
    assert live
    tried = try_rule(
        watch.session, STAFF, rule_of(climb.rule), start + STEP,
        start + 17 * HOUR // STEP * STEP + 1, store=PostgresSampleStore(),
    )  # fmt: skip
    assert [(one.raised_at, one.cleared_at, round(one.value, 3)) for one in live] == [
        (_instant(one.raised_ms), one.cleared_ms and _instant(one.cleared_ms), one.value)
        for one in tried.firings
    ]
    [alarm] = live
    assert alarm.cleared_at is not None
    # It was foreseen while the load was far from the limit.
    assert alarm.raised_at < _instant(climb.end + 2 * HOUR)
    assert 100 <= alarm.value < 200


def test_between_two_instants_nothing_is_read(
    climb: Climb, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    climb.feed(-6, 0, 5000, 1000)
    read = []
    real = PostgresSampleStore.read

    def note(*args: object, **options: object) -> object:
        read.append(args)
        return real(*args, **options)  # type: ignore[arg-type]

    climb.round(climb.end + SETTLE_MS + 1)
    assert len(climb.alarms()) == 1
    watch.session.execute(
        delete(AlarmRule).where(AlarmRule.id.not_in([climb.rule.id]), AlarmRule.enabled.is_(False))
    )
    monkeypatch.setattr(PostgresSampleStore, "read", note)
    for later in (60_000, 120_000):
        watch.sample(
            (climb.end + SETTLE_MS + later) / 60_000 - watch.start.timestamp() / 60, share=10
        )
        climb.round(climb.end + SETTLE_MS + later + 1)
    assert read == []
    # The control: at the next instant it is.
    watch.sample((climb.end + STEP + SETTLE_MS) / 60_000 - watch.start.timestamp() / 60, share=10)
    climb.round(climb.end + STEP + SETTLE_MS + 1)
    assert read
    assert len(climb.alarms()) == 1


def test_what_is_foreseen_is_no_trouble_yet(climb: Climb, watch: Watch) -> None:
    """A node that will be overloaded has tripped nothing: it explains nobody's outage."""
    climb.feed(-6, 0, 5000, 1000)
    climb.round(climb.end + SETTLE_MS + 1)
    [alarm] = climb.alarms()
    assert read_raised([alarm]) == []
    # The control: an overload that is there does.
    climb.rule.kind = "threshold"
    assert [one.trouble for one in read_raised([alarm])] == ["overload"]
    watch.session.rollback()


def test_a_rule_that_is_changed_is_drawn_at_once(climb: Climb, watch: Watch) -> None:
    climb.feed(-6, 0, 5000, 10)
    climb.round(climb.end + SETTLE_MS + 1)
    assert climb.alarms() == []
    climb.rule.raise_at, climb.rule.clear_at = 30, 20
    climb.rule.changed_at = _instant(climb.end + SETTLE_MS + 1000)
    watch.session.commit()
    climb.round(climb.end + SETTLE_MS + 2000)
    assert len(climb.alarms()) == 1


def test_it_costs_the_same_however_many_nodes_there_are(climb: Climb, watch: Watch) -> None:
    climb.feed(-6, 0, 5000, 0)

    def cost(place: int) -> int:
        watch.session.commit()
        with Counter(watch.session.get_bind()) as counter:  # type: ignore[arg-type]
            climb.round(climb.end + place * STEP + SETTLE_MS + 1)
        return counter.count

    cost(0)
    climb.feed(0, 0.4, 5000, 0)
    few = cost(1)
    watch.house.add_tenant("B")
    watch.house.add_tenant("C")
    climb.feed(0.4, 0.6, 5000, 0)
    assert cost(2) <= few


def test_the_built_in_ones_are_off(watch: Watch) -> None:
    ensure_rules(watch.session)
    rows = watch.session.scalars(select(AlarmRule).where(AlarmRule.kind == "forecast")).all()
    assert {row.code for row in rows} == {"node-load-ahead", "temperature-ahead"}
    assert not any(row.enabled for row in rows)
    assert {row.horizon_s for row in rows} == {14 * 86_400}


def _instant(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
