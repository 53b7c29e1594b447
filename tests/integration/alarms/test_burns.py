"""How fast error budgets burn, end to end: samples, incidents, what counts, alarms, history."""

import datetime as dt
from collections import Counter as TallyOf
from collections.abc import Collection
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

import dcim.demo
import dcim.sla
from dcim import due, jobs
from dcim.accounts.scope import Scope
from dcim.alarms.burns import read_burns
from dcim.alarms.governing import rule_of
from dcim.alarms.rule_keeping import OverrideTarget, set_override, switch_rule
from dcim.alarms.rules.limits import Change
from dcim.alarms.rules.quantities import ITEM
from dcim.alarms.subjects import load_subjects
from dcim.alarms.trying import TrialResult, try_rule
from dcim.config import Settings
from dcim.customers.models import Contract, ContractItem, ContractTerms
from dcim.db import ScopedSession, SessionFactory
from dcim.metering.models import Series
from dcim.operations.models import Maintenance, MaintenanceNotice, MaintenanceTarget
from dcim.power.models import PowerNode
from dcim.sla.burn_models import BurnedStretch
from dcim.sla.burn_progress import Waiting, begin_round
from dcim.sla.incidents import derive_incidents
from dcim.sla.models import Incident
from dcim.sla.rules.burned import LEAST_LEFT
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import to_ms
from dcim.statements import burn_rounds
from dcim.statements.burn_rounds import (
    Suspects,
    find_months,
    find_suspects,
    measure_burns,
    order_waiting,
)
from dcim.statements.risk_rounds import measure_risks
from tests.integration.alarms.conftest import STAFF, ZONE, Watch, build_watch
from tests.integration.web.boards import LONG_AGO, Counter, House

TERMS = Path(dcim.demo.__file__).parent / "terms" / "standard.yaml"
# These count an outage from more than five minutes on, and then from its start.
LATE_TERMS = Path(dcim.sla.__file__).parent / "presets" / "availability-tiers.yaml"
MIN = 60_000


class Burn:
    """The watch's house, whose two ports are promised 99.9 % and whose cabinet no downtime; the
    rule on an hour is on. Minutes are the watch's."""

    def __init__(self, watch: Watch, sessions: SessionFactory) -> None:
        self.watch, self.sessions, self.session = watch, sessions, watch.session
        contract = self.session.scalars(select(Contract)).one()
        document = TERMS.read_text("utf-8")
        self.session.add(
            ContractTerms(
                contract_id=contract.id, customer_id=contract.customer_id, version=1,
                effective_from=LONG_AGO, document=document, sha256=load_terms(document).sha256,
            )
        )  # fmt: skip
        contract.state = "signed"
        # Minutes in which the first port is down.
        self.down = range(0)
        self.contract_id, self.customer_id = contract.id, contract.customer_id
        # Whole minutes: what is known up to minute n is judged at n.
        self.watch.house.now = self.watch.house.now.replace(second=0)
        self.fast = watch.rule("sla-burning-fast")
        switch_rule(self.session, STAFF, self.fast.id, enabled=True)
        self.session.commit()
        self.measure(2)

    @property
    def item_id(self) -> int:
        return self.session.scalars(
            select(ContractItem.id).where(ContractItem.code.like("%ip0"))
        ).one()

    def measure(self, minute: float) -> burn_rounds.RoundReport:
        """At this minute, up to two before it."""
        report = measure_burns(self.sessions, self.watch.at(minute))
        self.session.expire_all()
        return report

    def derive(self, minute: float) -> None:
        now = to_ms(self.watch.at(minute))
        derive_incidents(self.session, self.watch.house.store, now - 3_600_000, now, now_ms=now)
        self.session.commit()

    def poll(self, *minutes: int) -> None:
        for minute in minutes:
            self.watch.sample(minute, state=2 if minute in self.down else 1)

    def go_on(self, first: int, last: int) -> None:
        """Minute by minute: a poll, what counts, a round of alarms; incidents as they are due. Of
        the first four minutes, in which nothing is known yet, there are polls alone."""
        for minute in range(first, last):
            self.poll(minute)
            if minute < 5:
                continue
            if minute % 5 == 0:
                self.derive(minute)
            self.measure(minute)
            self.watch.round(minute + 0.1)

    def stretches(self) -> list[tuple[float, float, float, float | None]]:
        """(from, to, known, undone), minutes: the first at which it was, or wasn't any more."""
        start = to_ms(self.watch.start)

        def minute(at: dt.datetime) -> float:
            return round((to_ms(at) - start) / MIN, 2)

        def grid(at: dt.datetime) -> int:
            return -(-(to_ms(at) - start) // MIN)

        return [
            (
                minute(row.started_at), minute(row.ended_at), grid(row.known_at),
                None if row.undone_at is None else grid(row.undone_at),
            )
            for row in self.session.scalars(select(BurnedStretch).order_by(BurnedStretch.id))
        ]  # fmt: skip

    def alarms(self) -> list[tuple[int, int | None]]:
        start = to_ms(self.watch.start)
        return [
            (
                (to_ms(one.raised_at) - start) // MIN,
                None if one.cleared_at is None else (to_ms(one.cleared_at) - start) // MIN,
            )
            for one in self.watch.alarms("sla-burning-fast")
        ]

    def try_it(self, last: int, limit: float = 14.4) -> TrialResult:
        rule = replace(rule_of(self.fast), raise_at=limit, clear_at=limit)
        start = to_ms(self.watch.start)
        return try_rule(self.session, STAFF, rule, start, start + last * MIN)

    def announce(self, first: int, last: int, *, told: bool = True) -> None:
        """Work on the port, approved now, of which the customer was told four days ago."""
        starts, ends = self.watch.at(first), self.watch.at(last)
        work = Maintenance(
            code="MW-1", title="割接", title_en="Work", starts_at=starts, ends_at=ends,
            state="approved", planned_by="a", approved_by="b", approved_at=self.watch.at(last),
            targets=[MaintenanceTarget(port_id=self.watch.port_id)],
        )  # fmt: skip
        self.session.add(work)
        self.session.flush()
        if told:
            self.session.add(
                MaintenanceNotice(
                    maintenance_id=work.id, customer_id=self.customer_id, channel="email",
                    sent_at=self.watch.at(-4 * 1440), recipient="noc@example.com",
                    starts_at=starts, ends_at=ends,
                )
            )  # fmt: skip
        self.session.commit()


@pytest.fixture
def burn(watch: Watch, sessions: SessionFactory) -> Burn:
    return Burn(watch, sessions)


def test_an_outage_is_known_told_under_its_cause_and_over_with_the_short_window(
    burn: Burn, watch: Watch
) -> None:
    burn.down = range(4, 12)
    # The incident is found at the fifth minute, the outage judged up to two minutes ago.
    burn.go_on(1, 7)
    assert (burn.stretches(), burn.alarms()) == ([], [])
    burn.go_on(7, 8)
    assert burn.stretches() == [(4, 5, 5, None)]
    assert burn.alarms() == [(5, None)]
    [alarm] = watch.alarms("sla-burning-fast")
    assert (alarm.subject_kind, alarm.subject_id) == ("item", burn.item_id)
    assert alarm.label.endswith("-ip0 (C-A)")
    assert alarm.site_id is None  # the switch stands nowhere in this house
    # One minute of an hour, of which 3.6 s are left.
    assert alarm.value == pytest.approx(1 / 60 / 0.001)
    assert alarm.limit == 14.4
    [cause] = watch.alarms("port-down")
    assert (alarm.root_id, alarm.notified_at) == (cause.id, None)
    burn.poll(*range(8, 14))
    burn.go_on(14, 16)
    assert burn.stretches() == [(4, 12, 5, None)]
    # What burnt it is over, and the last five minutes still hold some of it.
    assert cause.cleared_at == watch.at(13)
    assert alarm.cleared_at is None
    assert (alarm.root_id, alarm.notified_at) == (cause.id, None)
    burn.poll(16, 17)
    burn.go_on(18, 19)
    burn.poll(*range(19, 24))
    burn.go_on(24, 25)
    # 4.3 s of five minutes are 14.4: so much is left until minute 16, not 17.
    assert burn.alarms() == [(5, 17)]
    assert watch.events(alarm) == ["raised", "folded", "cleared"]
    # On history it is the same, and at another limit it isn't.
    result = burn.try_it(25)
    assert (result.fired, result.hit, result.open) == (1, 1, 0)
    [firing] = result.firings
    start = to_ms(watch.start)
    assert (firing.raised_ms - start, (firing.cleared_ms or 0) - start) == (5 * MIN, 17 * MIN)
    assert firing.value == round(alarm.value, 3)
    assert burn.try_it(25, limit=140).fired == 0


def test_work_approved_afterwards_takes_it_back_and_history_says_what_was_known(
    burn: Burn, watch: Watch
) -> None:
    burn.down = range(4, 40)
    burn.go_on(1, 9)
    assert burn.alarms() == [(5, None)]
    burn.announce(0, 60)
    burn.go_on(9, 10)
    # What was known by then stays; nothing counts any more, and nothing new does.
    assert burn.stretches() == [(4, 6, 5, 7)]
    assert burn.alarms() == [(5, 7)]
    [cause] = watch.alarms("port-down")
    assert cause.cleared_at is None
    [firing] = burn.try_it(20).firings
    assert firing.ms == 2 * MIN
    # The control: without that work it would burn.
    burn.session.execute(delete(MaintenanceTarget))
    burn.session.commit()
    burn.go_on(10, 11)
    assert burn.stretches() == [(4, 6, 5, 7), (4, 8, 8, None)]
    assert burn.alarms() == [(5, 7), (8, None)]


def test_what_counts_in_spite_of_a_window_is_told_though_its_cause_is_silent(
    burn: Burn, watch: Watch
) -> None:
    # Approved, and the customer never told: these terms don't leave it out.
    burn.announce(0, 60, told=False)
    burn.down = range(4, 40)
    burn.go_on(1, 8)
    [cause] = watch.alarms("port-down")
    assert cause.silenced_by is not None
    [alarm] = watch.alarms("sla-burning-fast")
    assert (alarm.silenced_by, alarm.root_id) == (None, None)
    assert alarm.notified_at is not None


def test_an_outage_that_lasts_beyond_its_alarm_stands_on_its_own_in_the_end(
    burn: Burn, watch: Watch
) -> None:
    """The port's rule is switched off while it is down: its alarm ends, the outage doesn't."""
    burn.down = range(4, 60)
    burn.go_on(1, 10)
    [alarm] = watch.alarms("sla-burning-fast")
    switch_rule(burn.session, STAFF, watch.rule("port-down").id, enabled=False)
    burn.session.commit()
    burn.go_on(10, 11)
    burn.poll(*range(11, 19))
    burn.go_on(19, 20)
    [cause] = watch.alarms("port-down")
    assert cause.cleared_at is not None
    # So long the short window may hold what it left: five minutes, and five until that is known.
    assert alarm.root_id == cause.id
    burn.go_on(20, 21)
    assert alarm.root_id is None
    assert alarm.cleared_at is None
    assert alarm.notified_at is not None


def test_a_round_that_comes_late_or_twice_tells_nothing_twice(burn: Burn, watch: Watch) -> None:
    burn.down = range(4, 12)
    burn.go_on(1, 9)
    for _again in range(3):
        burn.measure(8)
        burn.measure(7)
        watch.round(8.5)
    assert burn.stretches() == [(4, 6, 5, None)]
    assert burn.alarms() == [(5, None)]
    # None for a quarter of an hour, then one for all of it.
    burn.poll(*range(9, 24))
    burn.derive(24)
    burn.measure(24)
    watch.round(24.1)
    watch.round(24.2)
    # What was known at minute six was published: it isn't seen longer by then.
    assert burn.stretches() == [(4, 12, 5, None)]
    assert burn.alarms() == [(5, 17)]
    assert burn.try_it(30).firings[0].cleared_ms == to_ms(watch.at(17))
    # Over for long, it is remembered no more, and nothing is told again.
    burn.go_on(24, 25)
    burn.go_on(33, 34)
    assert burn.alarms() == [(5, 17)]


def test_slow_rounds_of_credits_at_risk_say_the_same_and_change_nothing_that_was_seen(
    burn: Burn, watch: Watch
) -> None:
    burn.down = range(4, 12)
    burn.go_on(1, 9)
    kept = burn.stretches()
    # Begun three minutes ago, over now.
    measure_risks(burn.sessions, [burn.contract_id], watch.at(6))
    burn.session.expire_all()
    assert burn.stretches() == kept
    # What no incident tells of they find alone: without the quick rounds it is known by them.
    burn.session.execute(delete(BurnedStretch))
    burn.session.commit()
    report = measure_risks(burn.sessions, [burn.contract_id], watch.at(8))
    burn.session.expire_all()
    assert report.failed == 0
    [(start, end, known, undone)] = burn.stretches()
    # After what was published, the sixth minute, by a moment.
    assert (start, end, known, undone) == (4, 6, 7, None)
    assert (
        to_ms(burn.session.scalars(select(BurnedStretch.known_at)).one()) == to_ms(watch.at(6)) + 1
    )
    burn.go_on(9, 10)
    assert burn.stretches() == [(4, 7, 7, None)]


def test_a_slow_round_takes_nothing_back_that_counts_by_what_came_after_its_instant(
    burn: Burn, watch: Watch
) -> None:
    session = burn.session
    terms, document = session.scalars(select(ContractTerms)).one(), LATE_TERMS.read_text("utf-8")
    terms.document, terms.sha256 = document, load_terms(document).sha256
    # Six minutes of an hour are 100.
    burn.fast.raise_at = burn.fast.clear_at = 100
    session.commit()
    burn.down = range(4, 40)
    burn.go_on(1, 13)
    kept = burn.stretches()
    assert [one[:2] for one in kept] == [(4, 10)]
    assert burn.alarms() == [(10, None)]
    # By the eighth minute it had lasted four minutes, which don't count.
    measure_risks(burn.sessions, [burn.contract_id], watch.at(10))
    session.expire_all()
    assert burn.stretches() == kept
    burn.go_on(13, 14)
    assert [one[:2] for one in burn.stretches()] == [(4, 11)]
    assert burn.alarms() == [(10, None)]


def test_an_outage_of_many_ends_no_alarm_because_it_takes_long_to_judge_them(
    burn: Burn, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty suspects of a quarter of a minute each: they take turns, and who waits is unknown."""
    seconds, measure = count(0, 15), burn_rounds._measure
    others = dict.fromkeys(range(7_000, 7_029), 0)
    judged: list[tuple[int, int]] = []

    def begin_all(session: Session, until: int, suspects: Collection[int]) -> list[Waiting]:
        waiting = begin_round(session, until, suspects)
        return [*waiting, *(Waiting(one, known, None, "") for one, known in others.items())]

    def measure_one(
        sessions: SessionFactory, scope: Scope, one: Waiting, until: int, *rest: Any
    ) -> None:
        judged.append((one.contract_id, until))
        if one.contract_id in others:
            others[one.contract_id] = until
        else:
            measure(sessions, scope, one, until, *rest)

    monkeypatch.setattr(burn_rounds, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    monkeypatch.setattr(burn_rounds, "begin_round", begin_all)
    monkeypatch.setattr(burn_rounds, "_measure", measure_one)
    burn.down = range(4, 40)
    burn.go_on(1, 34)
    [(_raised, cleared)] = burn.alarms()
    assert cleared is None
    times = TallyOf(one for one, _until in judged)
    assert len(times) == 30
    # Ours is hit by what is open, and yet nobody is forgotten for it; it was behind half the time.
    # (Those of a round are judged in the order of their numbers: the ends of the count differ.)
    ours = times.pop(burn.contract_id)
    assert max(times.values()) - min(times.values()) <= 3
    assert max(times.values()) <= ours < 15


def test_a_rule_off_and_on_again_raises_no_second_alarm_of_the_same_instant(
    burn: Burn, watch: Watch
) -> None:
    burn.down = range(4, 40)
    burn.go_on(1, 9)
    burn.announce(0, 60)
    burn.go_on(9, 10)
    assert burn.alarms() == [(5, 7)]
    for minute, enabled in ((9.3, False), (9.5, True)):
        switch_rule(burn.session, STAFF, burn.fast.id, enabled=enabled)
        burn.session.commit()
        watch.round(minute)
    assert burn.alarms() == [(5, 7)]


def test_what_counts_is_told_when_its_cause_falls_silent_later(burn: Burn, watch: Watch) -> None:
    burn.down = range(4, 40)
    burn.go_on(1, 8)
    [alarm], [cause] = watch.alarms("sla-burning-fast"), watch.alarms("port-down")
    assert (alarm.root_id, alarm.notified_at) == (cause.id, None)
    burn.announce(0, 60, told=False)
    burn.go_on(8, 9)
    assert cause.silenced_by is not None
    assert alarm.root_id is None
    assert alarm.notified_at is not None


def test_who_is_new_comes_first_and_nobody_waits_for_ever() -> None:
    def order(*waiting: Waiting) -> list[int]:
        suspects = Suspects(frozenset({1, 2, 4}), frozenset({2, 3}), frozenset({1, 2, 3, 4}))
        return [one.contract_id for one in order_waiting(waiting, suspects)]

    at = 100 * MIN
    hit_new, hit, over = (Waiting(key, at, None, "") for key in (1, 2, 3))
    failed = Waiting(4, at - 60 * MIN, at, "no terms")
    assert order(failed, over, hit, hit_new) == [1, 2, 3, 4]
    # However many are hit, and whatever they come to.
    assert order(hit_new, hit, replace(over, until=at - 5 * MIN)) == [3, 1, 2]
    assert order(hit_new, hit, replace(failed, tried=at - 13 * MIN)) == [4, 1, 2]
    # One that is tried and fails waits like the others, however long it is behind.
    assert order(hit, replace(failed, until=0)) == [2, 4]


def test_suspects_are_hit_by_an_incident_or_burnt_just_now(burn: Burn, watch: Watch) -> None:
    session, suspect, nobody = burn.session, frozenset({burn.contract_id}), frozenset[int]()
    # The house has one that is open.
    assert find_suspects(session, watch.at(0)) == Suspects(suspect, nobody, suspect)
    session.execute(update(Incident).values(ended_at=watch.at(0)))
    assert find_suspects(session, watch.at(19)) == Suspects(nobody, nobody, suspect)
    assert find_suspects(session, watch.at(21)).all == nobody
    stretch = BurnedStretch(
        customer_id=burn.customer_id, contract_item_id=burn.item_id, metric="network",
        left_share=0.001, started_at=watch.at(0), ended_at=watch.at(10), known_at=watch.at(1),
    )  # fmt: skip
    session.add(stretch)
    session.flush()
    assert find_suspects(session, watch.at(30)) == Suspects(nobody, suspect, suspect)
    assert find_suspects(session, watch.at(31)).all == nobody
    stretch.undone_at = watch.at(5)
    session.flush()
    assert find_suspects(session, watch.at(30)).all == nobody
    # What isn't signed promises nothing.
    session.execute(update(Contract).values(state="draft"))
    assert find_suspects(session, watch.at(0)).all == nobody


def test_the_clock_has_one_round_at_a_time(session: ScopedSession, settings: Settings) -> None:
    assert due.defer_burns(session)
    assert not due.defer_burns(session)
    assert "measure_burns" in jobs.make_app("postgresql://x/y").tasks
    chimes = {chime.name for chime in due.make_chimes(settings, "postgresql://x/y")}
    assert "burned-budgets" in chimes


def test_a_month_that_turned_just_now_is_finished_first(burn: Burn) -> None:
    contract = burn.session.scalars(select(Contract)).one()
    assert contract.timezone == "Asia/Shanghai"

    def months(hour: int, minute: int, behind: int = 0) -> list[str]:
        at = to_ms(dt.datetime(2026, 10, 31, hour, minute, tzinfo=dt.UTC))
        return find_months(burn.session, contract, at - behind, at)

    assert months(15, 59) == ["2026-10"]
    assert months(16, 5) == ["2026-10", "2026-11"]
    assert months(16, 25) == ["2026-11"]
    # Since it was known, however long that is; of months in which it promised something.
    assert months(16, 25, behind=6 * MIN) == ["2026-10", "2026-11"]
    assert months(16, 25, behind=40 * 1440 * MIN) == ["2026-09", "2026-10", "2026-11"]
    burn.session.execute(update(ContractTerms).values(effective_from=dt.date(2026, 10, 1)))
    assert months(16, 25, behind=40 * 1440 * MIN) == ["2026-10", "2026-11"]
    contract.ends_on = dt.date(2026, 11, 1)
    assert months(16, 5) == ["2026-10"]


def test_a_rule_may_hold_otherwise_for_one_item_or_not_at_all(burn: Burn, watch: Watch) -> None:
    session = burn.session
    set_override(
        session, STAFF, burn.fast.id, OverrideTarget("subject", burn.item_id), Change(raise_at=40)
    )
    session.commit()
    burn.down = range(4, 40)
    burn.go_on(1, 10)
    # Three minutes of an hour are 50.
    assert burn.alarms() == [(7, None)]
    set_override(
        session, STAFF, burn.fast.id, OverrideTarget("subject", burn.item_id),
        Change(enabled=False),
    )  # fmt: skip
    session.commit()
    burn.go_on(10, 11)
    [alarm] = watch.alarms("sla-burning-fast")
    assert alarm.ending == "ended"


def test_a_cabinet_without_a_feed_burns_under_the_node_that_failed_first(
    burn: Burn, watch: Watch
) -> None:
    """Promised is no downtime of both feeds: one alone counts nothing, the second at once."""
    session = burn.session
    series = session.scalars(
        select(Series.id)
        .join(PowerNode, PowerNode.id == Series.power_node_id)
        .order_by(PowerNode.code)
    ).all()
    for minute in range(1, 14):
        ts = to_ms(watch.at(minute))
        volts = [0 if minute >= 3 else 230_000, 0 if 6 <= minute < 9 else 230_000]
        rows = [
            (key, ts, 0, 0, mv, 4_000 if mv else 0, mv * 4, -1)
            for key, mv in zip(series, volts, strict=True)
        ]
        watch.house.store.append(session, "power", rows)
        session.commit()
        burn.go_on(minute, minute + 1)
        if minute == 7:
            assert burn.stretches() == []
    assert burn.stretches() == [(6, 9, 7, None)]
    [alarm] = watch.alarms("sla-burning-fast")
    assert alarm.label.endswith("-space (C-A)")
    assert alarm.site_id == watch.house.site.id
    assert alarm.severity == "major"
    second = watch.alarms("node-dead")[1]
    # It came with the second feed's death, which is over, and five minutes are not.
    assert alarm.root_id == second.id
    assert alarm.cleared_at is None
    [row] = session.scalars(select(BurnedStretch))
    assert (row.metric, row.left_share) == ("power", LEAST_LEFT)


def test_it_takes_as_many_statements_for_one_item_as_for_all(burn: Burn, watch: Watch) -> None:
    session, start = burn.session, to_ms(watch.start)
    items = load_subjects(session, {"item_burn"})[ITEM]
    session.add_all(
        BurnedStretch(
            customer_id=burn.customer_id, contract_item_id=one.id, metric=metric, left_share=0.001,
            started_at=watch.at(-40), ended_at=watch.at(-30), known_at=watch.at(-39),
        )
        for one in items
        for metric in ("network", "network@2026-10-15", "power")
    )  # fmt: skip
    session.commit()
    assert len(items) == 3
    rule, engine = rule_of(burn.fast), session.get_bind()
    assert isinstance(engine, Engine)
    for subjects in (items[:1], items):
        with Counter(engine) as counter:
            found = list(read_burns(session, rule, subjects, start - 60 * MIN, start))
        assert (counter.count, len(found)) == (2, len(subjects))


def test_before_anything_is_known_nothing_is_judged(watch: Watch) -> None:
    rule = watch.rule("sla-burning-fast")
    contract = watch.session.scalars(select(Contract)).one()
    contract.state = "signed"
    document = TERMS.read_text("utf-8")
    watch.session.add(
        ContractTerms(
            contract_id=contract.id, customer_id=contract.customer_id, version=1,
            effective_from=LONG_AGO, document=document, sha256=load_terms(document).sha256,
        )
    )  # fmt: skip
    switch_rule(watch.session, STAFF, rule.id, enabled=True)
    watch.session.commit()
    watch.round(1)
    start = to_ms(watch.start)
    result = try_rule(watch.session, STAFF, rule_of(rule), start, start + 10 * MIN)
    assert (result.subjects, result.silent, result.fired) == (3, 3, 0)


def test_an_outage_over_a_months_end_is_two_months_stretches_and_one_alarm(
    session: ScopedSession, settings: Settings, sessions: SessionFactory, house: House
) -> None:
    """Each month has its own budget; the hour that burns asks for neither."""
    this_month = house.now.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0)
    house.now = (this_month - dt.timedelta(minutes=6)).astimezone(dt.UTC)
    watch = build_watch(session, settings, house)
    burn = Burn(watch, sessions)
    burn.down = range(4, 12)
    burn.go_on(1, 9)
    assert burn.alarms() == [(5, None)]
    burn.go_on(9, 16)
    assert burn.stretches() == [(4, 6, 5, None), (6, 12, 7, None)]
    # Over as soon as the outage is out of the short window, as within one month.
    burn.go_on(16, 24)
    [(raised, cleared)] = burn.alarms()
    assert (raised, cleared) == (5, 17)
