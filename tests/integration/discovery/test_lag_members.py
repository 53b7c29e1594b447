"""Which ports are in which LAG: what a check is told is kept with its dates."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select, update

from dcim.columns import utc_now
from dcim.db import transaction
from dcim.demo import trees
from dcim.snmp.agents.models import LagMember, SnmpAgent
from dcim.snmp.discovery.checking import find_due
from dcim.snmp.discovery.lags import ATTACHED_AGG
from dcim.snmp.wire import ber, if_mib
from tests.integration.discovery.house import SYSTEM, House, Switch

NAMES = {"Te1": 1, "Te2": 2, "Te3": 3, "Eth-Trunk1": 9}


@dataclass
class Bundled(Switch):
    """A switch with members of its one LAG; of `attached` LACP says so, of no one where none."""

    members: list[str] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    shut: set[str] = field(default_factory=set)
    is_layered: bool = True

    def tree(self) -> trees.Objects:
        tree = super().tree()
        for name, index in self.ports.items():
            tree[(*if_mib.TYPE, index)] = ber.integer(161 if name.startswith("Eth-Trunk") else 6)
            tree[(*if_mib.OPER, index)] = ber.integer(2 if name in self.down | self.shut else 1)
            tree[(*if_mib.ADMIN, index)] = ber.integer(2 if name in self.shut else 1)
            if self.is_layered:
                tree[(*if_mib.STACK_STATUS, 0, index)] = ber.integer(1)
            if name in self.members:
                tree[(*if_mib.STACK_STATUS, self.ports["Eth-Trunk1"], index)] = ber.integer(1)
            if self.attached:
                lag = self.ports["Eth-Trunk1"] if name in self.attached else 0
                tree[(*ATTACHED_AGG, index)] = ber.integer(lag)
        return tree


class Checks:
    def __init__(self, house: House) -> None:
        self.house, self.switch = house, Bundled("leaf", dict(NAMES))
        house.leaf = self.switch

    def check(self, **changes: Any) -> dict[str, LagMember]:
        """Open rows by port after a check of the switch with these changes."""
        self.switch = replace(self.switch, **changes)
        self.house.leaf = self.switch
        assert self.house.check("leaf")[0].lag_problem == ""
        return {one.port_name: one for one in self.rows() if one.ends_at is None}

    def rows(self) -> list[LagMember]:
        with transaction(self.house.sessions, SYSTEM) as session:
            found = session.scalars(select(LagMember).order_by(LagMember.id)).all()
            session.expunge_all()
            return list(found)

    def due(self, now: dt.datetime) -> bool:
        with transaction(self.house.sessions, SYSTEM) as session:
            return self.house.agents["leaf"] in find_due(session, now)


@pytest.fixture
def checks(house: House) -> Checks:
    return Checks(house)


def test_membership_has_its_dates(checks: Checks) -> None:
    first = checks.check(members=["Te1", "Te2"])
    assert {one.lag_name for one in first.values()} == {"Eth-Trunk1"}
    assert first.keys() == {"Te1", "Te2"}
    # The same again writes nothing: the board of ports hangs on these rows.
    again = checks.check()
    assert {one.id: one.starts_at for one in again.values()} == {
        one.id: one.starts_at for one in first.values()
    }
    # Taken out while it is up: it has left. It stays in the history when it comes back.
    assert checks.check(members=["Te1"]).keys() == {"Te1"}
    back = checks.check(members=["Te1", "Te2"])
    assert back["Te2"].id != first["Te2"].id
    ended = [one for one in checks.rows() if one.ends_at is not None]
    assert [(one.port_name, one.starts_at) for one in ended] == [("Te2", first["Te2"].starts_at)]
    # Into another LAG; the device numbers all anew, which is nothing.
    renamed = {"Eth-Trunk1": 19, "Te1": 21, "Te2": 22, "Te3": 23}
    assert checks.check(ports=renamed)["Te1"].id == first["Te1"].id
    # A device that says nothing of layers, or nothing at all, changes nothing.
    assert checks.check(is_layered=False, members=[]).keys() == {"Te1", "Te2"}
    # The LAG is gone: nobody is in it.
    assert checks.check(is_layered=True, ports={"Te1": 1, "Te2": 2}) == {}


def test_a_member_that_is_down_is_missing_until_somebody_took_it_out(checks: Checks) -> None:
    checks.check(members=["Te1", "Te2", "Te3"])
    assert not checks.due(utc_now() + dt.timedelta(hours=2))
    # The switch drops it from the group with its link: that is a LAG that lacks a member.
    lacking = checks.check(members=["Te1", "Te2"], down={"Te3"})
    since = lacking["Te3"].detached_at
    assert since is not None
    assert lacking["Te1"].detached_at is None
    # It is asked hourly until it is whole again, not daily.
    assert not checks.due(utc_now() + dt.timedelta(minutes=50))
    assert checks.due(utc_now() + dt.timedelta(minutes=70))
    assert checks.check()["Te3"].detached_at == since
    whole = checks.check(members=["Te1", "Te2", "Te3"], down=set())
    assert whole["Te3"].detached_at is None
    assert whole["Te3"].id == lacking["Te3"].id
    # Shut by a person and told no more: taken out.
    assert checks.check(members=["Te1", "Te2"], shut={"Te3"}).keys() == {"Te1", "Te2"}
    # Missing for so long, it isn't expected any more.
    checks.check(members=["Te1"], shut=set(), down={"Te2"})
    with transaction(checks.house.sessions, SYSTEM) as session:
        long_ago = utc_now() - dt.timedelta(days=31)
        session.execute(
            update(LagMember)
            .where(LagMember.port_name == "Te2")
            .values(detached_at=long_ago, starts_at=long_ago)
        )
    assert checks.check().keys() == {"Te1"}


def test_what_lacp_left_out_is_said(checks: Checks) -> None:
    found = checks.check(members=["Te1", "Te2"], attached=["Te1"])
    assert found["Te1"].detached_at is None
    assert found["Te2"].detached_at is not None
    assert checks.check(attached=["Te1", "Te2"])["Te2"].detached_at is None


def test_lags_that_cannot_be_read_leave_the_rest(
    checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcim.snmp.discovery import examining
    from dcim.snmp.wire.faults import SnmpError

    async def fail(*_: object) -> None:
        raise SnmpError("tooBig")

    checks.check(members=["Te1", "Te2"])
    monkeypatch.setattr(examining, "read_members", fail)
    (report,) = checks.house.check("leaf")
    assert (report.problem, report.lag_problem) == ("", "tooBig")
    assert len([one for one in checks.rows() if one.ends_at is None]) == 2
    with transaction(checks.house.sessions, SYSTEM) as session:
        agent = session.get_one(SnmpAgent, checks.house.agents["leaf"])
        assert agent.last_check_error == "tooBig"
