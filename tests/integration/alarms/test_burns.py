"""How fast error budgets burn, end to end: samples, incidents, what counts, alarms; then history."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text

import dcim.demo
from dcim.alarms.governing import rule_of
from dcim.alarms.models import Alarm
from dcim.alarms.rule_keeping import OverrideTarget, change_rule, set_override, switch_rule
from dcim.alarms.rules.limits import Change
from dcim.alarms.trying import TrialResult, try_rule
from dcim.customers.models import Contract, ContractItem, ContractTerms
from dcim.db import SessionFactory
from dcim.metering.models import Series
from dcim.operations.models import Maintenance, MaintenanceNotice, MaintenanceTarget
from dcim.power.models import PowerNode
from dcim.sla.burn_models import BurnedStretch, BurnRound
from dcim.sla.incidents import derive_incidents
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.periods import to_ms
from dcim.statements import burn_rounds
from dcim.statements.burn_rounds import find_months, find_suspects, measure_burns
from dcim.statements.risk_rounds import measure_risks
from tests.integration.alarms.conftest import STAFF, Watch
from tests.integration.web.boards import LONG_AGO, Counter

TERMS = Path(dcim.demo.__file__).parent / "terms" / "standard.yaml"
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

    def port(self, first: int, last: int, state: int) -> None:
        for minute in range(first, last):
            self.watch.sample(minute, state=state)

    def measure(self, minute: float) -> burn_rounds.RoundReport:
        """At this minute, up to two before it."""
        report = measure_burns(self.sessions, self.watch.at(minute))
        self.session.expire_all()
        return report

    def derive(self, minute: float) -> None:
        now = to_ms(self.watch.at(minute))
        derive_incidents(self.session, self.watch.house.store, now - 3_600_000, now, now_ms=now)
        self.session.commit()

    def go_on(self, first: int, last: int) -> None:
        """Minute by minute: what counts, then a round of alarms; incidents as each is due."""
        for minute in range(first, last):
            if minute % 5 == 0:
                self.derive(minute)
            self.measure(minute)
            self.watch.round(minute + 0.1)

    def stretches(self) -> list[tuple[float, float, float, float | None]]:
        """(from, to, known, undone), minutes."""
        start = to_ms(self.watch.start)

        def minute(at: dt.datetime) -> float:
            return round((to_ms(at) - start) / MIN, 2)

        return [
            (
                minute(row.started_at), minute(row.ended_at), minute(row.known_at),
                None if row.undone_at is None else minute(row.undone_at),
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

    def try_it(self, last: int, **changes: float) -> TrialResult:
        rule = replace(rule_of(self.fast), **changes)
        start = to_ms(self.watch.start)
        return try_rule(self.session, STAFF, rule, start, start + last * MIN)

    def announce(self, first: int, last: int) -> None:
        """Work on the port, approved now, of which the customer was told four days ago."""
        starts, ends = self.watch.at(first), self.watch.at(last)
        told = self.watch.at(-4 * 1440)
        work = Maintenance(
            code="MW-1", title="割接", title_en="Work", starts_at=starts, ends_at=ends,
            state="approved", planned_by="a", approved_by="b", approved_at=self.watch.at(last),
            targets=[MaintenanceTarget(port_id=self.watch.port_id)],
        )  # fmt: skip
        self.session.add(work)
        self.session.flush()
        self.session.add(
            MaintenanceNotice(
                maintenance_id=work.id, customer_id=self.customer_id, sent_at=told, channel="mail",
                recipient="noc@example.com", starts_at=starts, ends_at=ends,
            )
        )  # fmt: skip
        self.session.commit()


@pytest.fixture
def burn(watch: Watch, sessions: SessionFactory) -> Burn:
    return Burn(watch, sessions)


def test_an_outage_is_known_told_under_its_cause_and_over_with_the_short_window(
    burn: Burn, watch: Watch
) -> None:
    burn.port(1, 4, 1)
    burn.go_on(3, 5)
    assert (burn.stretches(), burn.alarms()) == ([], [])
    burn.port(4, 12, 2)
    burn.port(12, 40, 1)
    # The incident is found at the fifth minute, the outage judged up to two minutes ago.
    burn.go_on(5, 8)
    assert burn.stretches() == [(4, 5, 5, None)]
    assert burn.alarms() == [(5, None)]
    [alarm] = watch.alarms("sla-burning-fast")
    assert (alarm.subject_kind, alarm.subject_id) == ("item", burn.item_id)
    assert alarm.label.endswith("-ip0 (C-A)")
    assert alarm.site_id is None  # the switch stands nowhere in this house
    # One minute of an hour, of which 3.6 s are left.
    assert (alarm.value, alarm.limit) == (pytest.approx(1 / 60 / 0.001), 14.4)
    cause = watch.alarms("port-down")[0]
    assert alarm.root_id == cause.id
    assert alarm.notified_at is None
    burn.go_on(8, 16)
    assert burn.stretches() == [(4, 12, 5, None)]
    assert cause.cleared_at is not None
    # What burnt it is over, and the last five minutes still hold some of it.
    assert alarm.cleared_at is None
    assert alarm.root_id == cause.id
    assert alarm.notified_at is None
    burn.go_on(16, 25)
    # 4.3 s of five minutes are 14.4: so much is left until minute 16, not 17.
    assert burn.alarms() == [(5, 17)]
    assert "unfolded" not in watch.events(alarm)
    # On history it is the same, and at another limit it isn't.
    result = burn.try_it(25)
    assert (result.fired, result.hit, result.silent, result.open) == (1, 1, 0, 0)
    [firing] = result.firings
    start = to_ms(watch.start)
    assert (firing.raised_ms - start, (firing.cleared_ms or 0) - start) == (5 * MIN, 17 * MIN)
    assert firing.value == round(alarm.value, 3)
    assert burn.try_it(25, raise_at=140, clear_at=140).fired == 0


def test_work_approved_afterwards_takes_it_back_and_history_says_what_was_known(
    burn: Burn, watch: Watch
) -> None:
    burn.port(1, 4, 1)
    burn.port(4, 40, 2)
    burn.go_on(3, 12)
    assert burn.alarms() == [(5, None)]
    burn.announce(0, 60)
    burn.go_on(12, 15)
    # What was known by then stays; nothing counts any more, and nothing new does.
    assert burn.stretches() == [(4, 9, 5, 10)]
    assert burn.alarms() == [(5, 10)]
    assert (watch.alarms("port-down")[0].cleared_at, burn.try_it(20).fired) == (None, 1)
    assert not burn.try_it(20).firings[0].ms > 5 * MIN
    # The control: without that the alarm would be on.
    session = burn.session
    session.execute(text("DELETE FROM maintenance_target"))
    session.commit()
    burn.go_on(15, 17)
    assert burn.alarms() == [(5, 10), (13, None)]


def test_what_counts_in_spite_of_the_window_is_told_though_its_cause_is_silent(
    burn: Burn, watch: Watch
) -> None:
    burn.announce(0, 60)
    # Nobody was told of it: the terms don't leave it out.
    burn.session.execute(text("ALTER TABLE maintenance_notice DISABLE TRIGGER USER")) if False else None
    burn.port(1, 4, 1)
    burn.port(4, 40, 2)
    work = burn.session.scalars(select(Maintenance)).one()
    burn.session.add(MaintenanceTarget(maintenance_id=work.id, port_id=watch.tenant.ports[1]))
    burn.session.commit()
    burn.go_on(3, 9)
    assert watch.alarms("port-down")[0].silenced_by == work.id
    assert burn.alarms() == []
