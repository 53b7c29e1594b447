"""Power by the day: the rounds that add it up, when it runs out, and where that is shown."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, text, update

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.due import defer_power
from dcim.errors import ForbiddenError
from dcim.inventory.models import Room
from dcim.jobs import make_app
from dcim.metering.codec import DamagedBlockError
from dcim.metering.models import Series
from dcim.power.models import PowerNode
from dcim.sla import power_rounds
from dcim.sla.feeds import load_supply, read_peaks
from dcim.sla.power_day_models import PowerDay
from dcim.sla.power_rounds import DAYS, DAYS_AT_ONCE, Key, measure_power
from dcim.sla.power_use import PowerUse, read_power_use
from tests.integration.web.boards import Counter, House
from tests.integration.web.test_noc_pages import tag_of

# In the middle of a UTC day, so that it doesn't end within a test.
NOW = dt.datetime(2026, 11, 20, 12, 0, 0, tzinfo=dt.UTC)
TODAY = NOW.date()
ONE_DAY = dt.timedelta(days=1)
STAFF = Scope.system("test")
MINUTE_MS = 60_000


class Measured(House):
    def __init__(self, session: ScopedSession) -> None:
        super().__init__(session)
        self.now = NOW

    def series(self) -> list[int]:
        wanted = select(Series.id).where(Series.family == "power").order_by(Series.id)
        return list(self.session.scalars(wanted))

    def draw(self, series_id: int, day: dt.date, watts: int, minutes: range) -> None:
        low = round(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1000)
        rows = [
            (
                series_id,
                low + minute * MINUTE_MS,
                0,
                0,
                230_000,
                watts * 1000 // 230,
                watts * 1000,
                -1,
            )
            for minute in minutes
        ]
        self.store.append(self.session, "power", rows)
        self.session.commit()

    def days(self) -> dict[dt.date, PowerDay]:
        """The site's."""
        self.session.expire_all()
        rows = self.session.scalars(select(PowerDay).where(PowerDay.site_id.is_not(None)))
        return {row.day: row for row in rows}

    def keep(self, count: int, peak: Callable[[int], int], known: int = 288) -> None:
        """Settled days before today, of the site and its room."""
        for back in range(1, count + 1):
            for key in ({"site_id": self.site.id}, {"room_id": self.room_id}):
                self.session.add(
                    PowerDay(
                        day=TODAY - back * ONE_DAY, measured_at=NOW, feeds=2, unmeasured=0,
                        known=known, mean_w=peak(back) - 100, peak_w=peak(back), **key,
                    )
                )  # fmt: skip
        self.session.commit()

    def use(self) -> dict[Key, PowerUse]:
        self.session.expire_all()
        return read_power_use(self.session, STAFF, NOW)


@pytest.fixture
def house(session: ScopedSession) -> Measured:
    return Measured(session)


@pytest.fixture
def noc(noc: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    from dcim.web.noc import aggregates, plant

    for module in (aggregates, plant):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    return noc


def test_feeds_are_added_up_bin_by_bin_and_what_is_not_known_is_left_out(
    house: Measured, sessions: SessionFactory
) -> None:
    house.add_tenant("A")
    one, other = house.series()
    yesterday = TODAY - ONE_DAY
    house.draw(one, yesterday, 1000, range(1440))
    house.draw(other, yesterday, 500, range(720))
    house.draw(other, yesterday, 1500, range(720, 1300))
    house.draw(one, TODAY, 1000, range(720))
    house.draw(other, TODAY, 1000, range(720))
    report = measure_power(sessions, NOW)
    assert (report.done, report.failed, report.left) == (1 + DAYS_AT_ONCE, 0, 0)
    found = house.days()
    row = found[yesterday]
    # 144 bins of 1.5 kW and 116 of 2.5; the last two hours of one feed are unknown, so is the sum.
    assert (row.known, row.peak_w, row.feeds, row.unmeasured) == (260, 2500, 2, 0)
    assert row.mean_w == round((144 * 1500 + 116 * 2500) / 260)
    assert (row.contracted_w, row.derated_w) == (None, None)
    # Bins that aren't whole yet are in none of it, and today says what is sold and may be carried.
    today = found[TODAY]
    assert 135 <= today.known < 144
    assert (today.peak_w, today.contracted_w, today.derated_w) == (2000, 4000, 2944)
    assert found[TODAY - 3 * ONE_DAY].known == 0
    assert found[TODAY - 3 * ONE_DAY].peak_w is None
    rooms = house.session.scalars(select(PowerDay).where(PowerDay.room_id == house.room_id)).all()
    assert {row.day: row.peak_w for row in rooms} == {day: row.peak_w for day, row in found.items()}


def test_all_phases_of_a_feed_are_in_its_sum(house: Measured, sessions: SessionFactory) -> None:
    """One whose meter tells them apart fills a series for each."""
    tenant = house.add_tenant("A")
    one, other = house.series()
    own = house.session.get_one(Series, one)
    own.slot = "output-01"
    for slot in ("output-02", "output-03"):
        house._add(
            Series(
                family="power", device_id=own.device_id, slot=slot,
                power_node_id=own.power_node_id,
            )
        )  # fmt: skip
    for number in house.series():
        house.draw(number, TODAY - ONE_DAY, 500 if number == other else 1000, range(1440))
    measure_power(sessions, NOW)
    row = house.days()[TODAY - ONE_DAY]
    assert (row.feeds, row.unmeasured, row.known, row.peak_w) == (2, 0, 288, 3500)
    feeds = {tenant.rack_id: load_supply(house.session, NOW).feeds_of(tenant.rack_id)}
    end = round(dt.datetime.combine(TODAY, dt.time(), dt.UTC).timestamp() * 1000)
    assert read_peaks(house.session, feeds, end - 600_000, end)[tenant.rack_id].watts == 3500


def test_a_feed_without_a_meter_is_told(
    house: Measured, sessions: SessionFactory, noc: FlaskClient
) -> None:
    house.add_tenant("A")
    one, other = house.series()
    house.session.execute(update(Series).where(Series.id == other).values(power_node_id=None))
    house.draw(one, TODAY - ONE_DAY, 1000, range(1440))
    measure_power(sessions, NOW)
    row = house.days()[TODAY - ONE_DAY]
    # Half of the feeds is far too little to call it the house's power.
    assert (row.feeds, row.unmeasured, row.known, row.peak_w) == (2, 1, 0, None)
    for path in ("/noc/power", "/noc/aggregates?by=site"):
        page = noc.get(path).text
        assert "feeds without a meter: 1 of 2" in page, path
        assert "too little data (0 days)" in page, path


def test_days_are_looked_at_until_they_are_settled(
    house: Measured, sessions: SessionFactory
) -> None:
    house.add_tenant("A")
    assert measure_power(sessions, NOW).done == 1 + DAYS_AT_ONCE
    measure_power(sessions, NOW)
    assert len(house.days()) == 1 + 2 * DAYS_AT_ONCE
    # Tomorrow today's is looked at once more, with what came late; it keeps what was sold then.
    house.draw(house.series()[0], TODAY, 700, range(1440))
    house.draw(house.series()[1], TODAY, 700, range(1440))
    late = NOW + ONE_DAY
    measure_power(sessions, late)
    row = house.days()[TODAY]
    assert (row.known, row.peak_w, row.contracted_w, row.measured_at) == (288, 1400, 4000, late)
    # And after that never again, whatever is said of it, or whoever comes to stand there.
    house.draw(house.series()[0], TODAY, 9_000, range(1440))
    house.session.execute(
        delete(PowerDay).where(PowerDay.day == TODAY, PowerDay.room_id.is_not(None))
    )
    house.session.commit()
    measure_power(sessions, late)
    assert house.days()[TODAY].peak_w == 1400
    (room,) = house.session.scalars(
        select(PowerDay).where(PowerDay.day == TODAY, PowerDay.room_id.is_not(None))
    )
    assert room.peak_w == 9_700
    # The clock asks for a round by a task that workers know; while it waits, for no other.
    house.session.rollback()
    with house.session.begin():
        assert [defer_power(house.session), defer_power(house.session)] == [True, False]
    (task,) = house.session.scalars(text("SELECT task_name FROM procrastinate_jobs"))
    assert task in make_app("postgresql://nowhere/x").tasks
    house.session.rollback()
    assert measure_power(sessions, late, budget_s=-1).done == 0


def test_a_day_that_fails_stops_no_other_and_old_ones_go(
    house: Measured, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_power(sessions, NOW)
    assert house.days() == {}  # nothing is fed
    house.add_tenant("A")
    house.keep(DAYS + 2, lambda back: 1000)
    real = power_rounds.measure_day

    def fail(session: ScopedSession, places: object, day: dt.date, now: dt.datetime) -> None:
        if day == TODAY:
            raise DamagedBlockError("hash")
        real(session, places, day, now)  # type: ignore[arg-type]

    house.session.execute(delete(PowerDay).where(PowerDay.day == TODAY - ONE_DAY))
    house.session.commit()
    monkeypatch.setattr(power_rounds, "measure_day", fail)
    report = measure_power(sessions, NOW)
    assert (report.failed, report.done) == (1, 1)
    assert min(house.days()) == TODAY - DAYS * ONE_DAY
    assert TODAY - ONE_DAY in house.days()


def test_run_out_is_told_with_its_interval_beside_what_is_sold(
    house: Measured, sessions: SessionFactory, noc: FlaskClient
) -> None:
    """10 W more each day, 2.0 kW yesterday: of 2.944 kW 80 % in 35 days from today, all in 94."""
    house.add_tenant("A")
    measure_power(sessions, NOW)
    house.session.execute(delete(PowerDay).where(PowerDay.day < TODAY))
    assert "too little data (0 days)" in noc.get("/noc/power").text
    house.keep(100, lambda back: 2010 - 10 * back)
    use = house.use()["site_id", house.site.id]
    assert (use.day, use.peak_w, use.mean_w, use.days) == (TODAY - ONE_DAY, 2000, 1900, 100)
    assert (use.contracted_w, use.derated_w) == (4000, 2944)
    told = [(each.state, (each.likely or TODAY) - TODAY) for each in use.run_outs]
    assert told == [("within", dt.timedelta(days=35)), ("within", dt.timedelta(days=94))]
    assert house.use()["room_id", house.room_id].run_outs == use.run_outs
    board = noc.get("/noc/power").text
    sums = noc.get("/noc/aggregates?by=site&sort=-power").text
    for page in (board, sums):
        assert (TODAY + dt.timedelta(days=94)).isoformat() in page
        assert "136<" in page  # sold of derated
        assert "68<" in page  # measured of it
    assert "Theil" in board
    # Of a place alone; a wall has no room for it.
    assert board.count('class="run-out"') == 2
    assert noc.get(f"/noc/power?room={house.room_id}").text.count('class="run-out"') == 1
    assert noc.get(f"/noc/power?row={house.row_id}").text.count('class="run-out"') == 1
    assert 'class="run-out"' not in noc.get("/noc/power?wall=1").text
    # Days known for less than nine tenths are in no trend.
    house.session.execute(
        update(PowerDay).where(PowerDay.day < TODAY - 9 * ONE_DAY).values(known=259)
    )
    house.session.commit()
    assert house.use()["site_id", house.site.id].days == 9
    house.session.execute(update(PowerDay).values(measured_at=NOW + dt.timedelta(minutes=1)))
    house.session.commit()
    assert "too little data (9 days)" in noc.get("/noc/power").text
    # Where nothing is fed any more nothing is told of it.
    house.session.execute(delete(PowerDay).where(PowerDay.day >= TODAY - 2 * ONE_DAY))
    house.session.commit()
    assert house.use() == {}


def test_where_no_rating_is_recorded_nothing_runs_out(
    house: Measured, sessions: SessionFactory, noc: FlaskClient
) -> None:
    house.add_tenant("A")
    house.session.execute(update(PowerNode).values(derate_pct=1, rated_a=0))
    house.session.commit()
    measure_power(sessions, NOW)
    assert house.use()["site_id", house.site.id].run_outs == []
    assert "no rating recorded" in noc.get("/noc/power").text


def test_the_pages_are_304_until_a_round_writes_and_cost_the_same_for_more(
    house: Measured, sessions: SessionFactory, noc: FlaskClient
) -> None:
    engine = house.session.get_bind().engine
    house.add_tenant("A")
    measure_power(sessions, NOW)
    paths = ("/noc/power", "/noc/aggregates?by=site")
    tags = {path: tag_of(noc.get(path).text) for path in paths}

    def ask(path: str) -> int:
        part = {"HX-Request": "true", "If-None-Match": tags[path]}
        return noc.get(path, headers=part).status_code

    assert [ask(path) for path in paths] == [304, 304]
    with Counter(engine) as few:
        house.use()
    measure_power(sessions, NOW + dt.timedelta(minutes=10))
    assert [ask(path) for path in paths] == [200, 200]
    for number in range(4):
        room = Room(site_id=house.site.id, code=f"R{number + 2}", name="房", name_en="Room")
        house.session.add(room)
        house.session.flush()
        house.session.add(
            PowerDay(day=TODAY, room_id=room.id, measured_at=NOW, feeds=1, unmeasured=0, known=0)
        )
    house.session.commit()
    with Counter(engine) as many:
        assert len(house.use()) == 6
    assert few.count == many.count


def test_a_round_costs_the_same_for_more_racks(house: Measured, sessions: SessionFactory) -> None:
    engine = house.session.get_bind().engine
    house.add_tenant("A")
    house.keep(DAYS, lambda back: 1000)
    measure_power(sessions, NOW)
    with Counter(engine) as few:
        assert measure_power(sessions, NOW).done == 1
    for number in range(5):
        house.add_tenant(f"T{number}")
    measure_power(sessions, NOW)
    with Counter(engine) as many:
        assert measure_power(sessions, NOW).done == 1
    assert few.count == many.count


def test_it_is_for_staff(house: Measured, sessions: SessionFactory) -> None:
    tenant = house.add_tenant("A")
    measure_power(sessions, NOW)
    customer = Scope.customer("x", tenant.customer_id)
    with pytest.raises(ForbiddenError):
        read_power_use(house.session, customer, NOW)
    # And by the wall in the database, whatever asks.
    counts = {}
    for name, scope in (("staff", STAFF), ("customer", customer)):
        with transaction(sessions, scope) as session:
            counts[name] = session.scalar(select(func.count()).select_from(PowerDay))
    assert counts["staff"]
    assert counts["customer"] == 0
