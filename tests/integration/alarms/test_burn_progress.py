"""What burns is known contract by contract: one that can't be judged stands still alone, and live
says in the end what history says."""

import random
from collections.abc import Callable

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from dcim.alarms.burns import read_burns, read_span, write_span
from dcim.alarms.governing import rule_of
from dcim.alarms.models import Alarm, AlarmRound
from dcim.alarms.rule_keeping import switch_rule
from dcim.alarms.rules.quantities import ITEM
from dcim.alarms.subjects import load_subjects
from dcim.alarms.trying import try_rule
from dcim.customers.models import Contract, ContractItem, ContractTerms
from dcim.db import SessionFactory
from dcim.errors import InvalidError
from dcim.sla.burn_models import BurnProgress
from dcim.sla.burn_progress import (
    KnownSpan,
    begin_round,
    find_unjudged,
    list_unjudged,
    note_problem,
    publish,
    read_known,
)
from dcim.sla.burned_stretches import keep_burned
from dcim.sla.rules.burned import Burned
from dcim.sla.rules.facts import Period
from dcim.sla.rules.intervals import union
from dcim.sla.rules.periods import to_ms
from dcim.statements import burn_rounds
from dcim.statements.risk_rounds import gather_month
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.alarms.test_burns import MIN, Burn
from tests.integration.web.boards import LONG_AGO

# Minutes of a play.
LAST = 80


@pytest.fixture
def burn(watch: Watch, sessions: SessionFactory) -> Burn:
    return Burn(watch, sessions)


@pytest.fixture
def break_month(burn: Burn, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Whether the contract can't be judged from now on."""
    broken = False

    def gather_or_fail(*arguments: object) -> object:
        if broken:
            raise InvalidError("Its terms can't be read.")
        return gather_month(*arguments)  # type: ignore[arg-type]

    def set_broken(is_broken: bool) -> None:
        nonlocal broken
        broken = is_broken

    monkeypatch.setattr(burn_rounds, "gather_month", gather_or_fail)
    return set_broken


def test_one_that_cant_be_judged_stands_still_and_its_alarm_with_it(
    burn: Burn, watch: Watch, break_month: Callable[[bool], None]
) -> None:
    burn.down = range(4, 12)
    burn.go_on(1, 9)
    assert burn.alarms() == [(5, None)]
    break_month(True)
    burn.go_on(9, 11)
    burn.poll(*range(11, 24))
    burn.go_on(24, 25)
    # All others are known up to minute 22; as if it were too, its alarm would be over since 11.
    known = read_known(burn.session)
    assert known is not None
    start = to_ms(watch.start)
    assert ((known.until - start) // MIN, (known.reach(burn.item_id) - start) // MIN) == (22, 6)
    assert burn.alarms() == [(5, None)]
    # On history nothing is known from there on, and that isn't taken for calm.
    rule, items = rule_of(burn.fast), load_subjects(burn.session, {"item_burn"})[ITEM]
    [item] = [one for one in items if one.id == burn.item_id]
    [(_item, ts, _values)] = read_burns(burn.session, rule, [item], start, start + 60 * MIN)
    assert (int(ts[-1]) - start) // MIN == 6
    assert burn.try_it(25).open == 1
    # Judged again, each instant is looked at in its turn: it ended when what it held was over.
    break_month(False)
    burn.go_on(25, 26)
    assert burn.stretches() == [(4, 12, 5, None)]
    assert burn.alarms() == [(5, 17)]
    [firing] = burn.try_it(26).firings
    assert (firing.cleared_ms or 0) - start == 17 * MIN


def test_what_burnt_meanwhile_is_known_when_it_was_judged_and_told_to_nobody_when_it_is_over(
    burn: Burn, watch: Watch, break_month: Callable[[bool], None]
) -> None:
    burn.go_on(1, 7)
    break_month(True)
    burn.down = range(8, 16)
    burn.go_on(7, 9)
    burn.poll(*range(9, 39))
    burn.go_on(39, 40)
    assert (burn.stretches(), burn.alarms()) == ([], [])
    break_month(False)
    burn.go_on(40, 41)
    [alarm] = watch.alarms("sla-burning-fast")
    assert burn.alarms() == [(9, 21)]
    assert alarm.notified_at is None
    [firing] = burn.try_it(41).firings
    start = to_ms(watch.start)
    assert (firing.raised_ms - start, (firing.cleared_ms or 0) - start) == (9 * MIN, 21 * MIN)


def test_under_a_cause_that_is_over_it_stays_until_it_is_known_whether_it_burns_on(
    burn: Burn, watch: Watch, break_month: Callable[[bool], None]
) -> None:
    burn.down = range(4, 12)
    burn.go_on(1, 9)
    break_month(True)
    burn.go_on(9, 15)
    burn.poll(*range(15, 29))
    burn.go_on(29, 30)
    [alarm], [cause] = watch.alarms("sla-burning-fast"), watch.alarms("port-down")
    # Five minutes hold what it left, and five more until that is known; of this one it isn't.
    assert cause.cleared_at == watch.at(13)
    assert (alarm.root_id, alarm.notified_at, alarm.cleared_at) == (cause.id, None, None)
    break_month(False)
    burn.go_on(30, 31)
    assert (alarm.root_id, alarm.notified_at) == (cause.id, None)
    assert burn.alarms() == [(5, 17)]


def test_it_is_seen_which_one_and_why_and_logged_once(
    burn: Burn, watch: Watch, break_month: Callable[[bool], None]
) -> None:
    session = burn.session
    burn.down = range(4, 40)
    burn.go_on(1, 9)
    assert list_unjudged(session, STAFF, watch.at(9)) == []
    break_month(True)
    with capture_logs() as logged:
        burn.go_on(9, 13)
    told = [one for one in logged if one["event"].endswith("can't be judged")]
    assert [(one["log_level"], one["contract"]) for one in told] == [("warning", burn.contract_id)]
    [row] = list_unjudged(session, STAFF, watch.at(13))
    assert (row.number, row.customer_code, row.until) == ("CANARY-A-contract", "C-A", watch.at(6))
    assert row.problem.endswith("Its terms can't be read.")
    assert find_unjudged(session, STAFF, burn.item_id, watch.at(13)) == row
    assert find_unjudged(session, STAFF, 0, watch.at(13)) is None
    break_month(False)
    burn.go_on(13, 14)
    assert list_unjudged(session, STAFF, watch.at(14)) == []
    # One that only waits is told of after a while.
    session.execute(update(BurnProgress).values(until=watch.at(11)))
    assert list_unjudged(session, STAFF, watch.at(21)) == []
    [row] = list_unjudged(session, STAFF, watch.at(22))
    assert row.problem == ""


def test_a_round_that_was_left_over_is_gone_on_with_though_nothing_happens_any_more(
    burn: Burn, watch: Watch, break_month: Callable[[bool], None]
) -> None:
    """Its incident ended long ago: nobody suspects it, and still it is behind."""
    burn.down = range(4, 12)
    burn.go_on(1, 9)
    break_month(True)
    burn.poll(*range(9, 60))
    burn.derive(59)
    burn.session.execute(update(Alarm).values(notified_at=None))
    for minute in (20, 40, 59):
        burn.measure(minute)
    watch.round(59.1)
    assert burn.alarms() == [(5, None)]
    break_month(False)
    assert burn.measure(60).judged >= 1
    watch.round(60.1)
    assert burn.alarms() == [(5, 17)]


def test_a_contract_that_promises_nothing_any_more_is_known(burn: Burn, watch: Watch) -> None:
    session = burn.session
    burn.measure(5)
    session.execute(update(BurnProgress).values(until=watch.at(1), problem="no"))
    session.execute(update(Contract).values(state="draft"))
    session.commit()
    burn.measure(6)
    [row] = session.scalars(select(BurnProgress))
    assert (row.until, row.problem) == (None, "")


def test_how_far_it_was_judged_is_read_as_written() -> None:
    span = KnownSpan(1, 90, {5: 60, 7: 60, 6: 30})
    assert read_span(write_span(span)) == span
    assert (span.reach(6), span.reach(8)) == (30, 90)
    assert read_span(write_span(None)) is None


class Play:
    """Two contracts whose downtime, and who judges it when, is drawn: polls are left out."""

    def __init__(self, watch: Watch, seed: int) -> None:
        self.watch, self.session, self.random = watch, watch.session, random.Random(seed)
        watch.house.add_tenant("B")
        self.session.execute(update(Contract).values(state="signed"))
        self.contracts = list(self.session.scalars(select(Contract).order_by(Contract.id)))
        for one in self.contracts:
            self.session.add(
                ContractTerms(
                    contract_id=one.id, customer_id=one.customer_id, version=1,
                    effective_from=LONG_AGO, document="", sha256="",
                )
            )  # fmt: skip
        self.session.commit()
        self.start = to_ms(watch.start)
        self.items = {
            one.id: self.session.scalars(
                select(ContractItem.code).where(ContractItem.contract_id == one.id)
            ).first()
            for one in self.contracts
        }
        # (from, to, known from, counts until), minutes: what is told late, and taken back.
        self.outages = {one.id: self._draw_outages() for one in self.contracts}
        self.stands = {one.id: self._draw_stands() for one in self.contracts}

    def _draw_outages(self) -> list[tuple[int, int, int, int]]:
        found, at = [], 0
        while at < LAST - 10:
            at += self.random.randint(1, 25)
            end = at + self.random.randint(1, 12)
            known = at + self.random.choice([0, 0, 3, 8])
            undone = self.random.choice([999, 999, end + self.random.randint(0, 15)])
            found.append((at, end, known, undone))
            at = end
        return found

    def _draw_stands(self) -> set[int]:
        """Minutes at which it can't be judged, or nobody comes to it."""
        found: set[int] = set()
        for _stand in range(3):
            begin = self.random.randint(3, LAST - 20)
            found.update(range(begin, begin + self.random.choice([1, 2, 5, 30])))
        return found

    def judge(self, contract: Contract, minute: int) -> None:
        parts = union(
            (self.start + low * MIN, self.start + min(high, minute) * MIN)
            for low, high, known, undone in self.outages[contract.id]
            if known <= minute < undone and low < minute
        )
        burned = Burned(str(self.items[contract.id]), "network", 0.001, parts)
        span = Period(self.start - MIN, self.start + minute * MIN)
        keep_burned(self.session, contract, [burned], span)

    def go_on(self, last: int) -> None:
        for minute in range(1, last):
            until = self.start + minute * MIN
            begin_round(self.session, until, [one.id for one in self.contracts])
            self.session.commit()
            for contract in self.contracts:
                if self.random.random() < 0.1:  # the slow rounds come by
                    self.judge(contract, minute - self.random.randint(0, 1))
                    self.session.commit()
                if minute in self.stands[contract.id] and minute < last - 2:
                    if self.random.random() < 0.5:
                        note_problem(self.session, contract, "no", self.watch.at(minute))
                else:
                    self.judge(contract, minute)
                    publish(self.session, contract, until, self.watch.at(minute))
                self.session.commit()
                if self.random.random() < 0.2:
                    self.watch.round(minute + 0.1)
            if self.random.random() < 0.2 or minute == last - 1:
                self.watch.round(minute + 0.2)


@pytest.mark.parametrize("seed", [1, 2])
def test_live_says_what_history_says_whoever_stands_still(watch: Watch, seed: int) -> None:
    rule = watch.rule("sla-burning-fast")
    rule.raise_for_s, rule.clear_for_s = [(120, 240), (0, 0)][seed % 2]
    rule.flap_changes = 0
    switch_rule(watch.session, STAFF, rule.id, enabled=True)
    play = Play(watch, seed)
    play.go_on(LAST)
    start = play.start
    result = try_rule(watch.session, STAFF, rule_of(rule), start, start + 200 * MIN)

    def minute(at: int | None) -> int | None:
        return None if at is None else (at - start) // MIN

    history = {(one.label, minute(one.raised_ms), minute(one.cleared_ms)) for one in result.firings}
    live = {
        (one.label, minute(to_ms(one.raised_at)), one.cleared_at and minute(to_ms(one.cleared_at)))
        for one in watch.alarms("sla-burning-fast")
    }
    assert live == history
    assert len(history) > 3
    # The control: they did stand still, and were caught up with.
    assert all(len(minutes) > 5 for minutes in play.stands.values())
    assert watch.session.scalars(select(AlarmRound.burned)).one() is not None
