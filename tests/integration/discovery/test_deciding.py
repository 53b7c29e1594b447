"""From real UDP to findings, and from a person's decision to the inventory."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.kinds import KINDS
from dcim.network.cables import CableNotes, connect_ports, trace_port
from dcim.network.models import Cable, Port
from dcim.network.tracing import Plug
from dcim.power.models import Outlet, PowerNode
from dcim.snmp.agents.models import DiscoveryFinding, Sensor, SnmpAgent
from dcim.snmp.discovery.checking import check_agents
from dcim.snmp.discovery.findings import (
    FindingFilter,
    accept_findings,
    dismiss_findings,
    list_findings,
)
from tests.integration.discovery.house import GIG, PERSON, SYSTEM, House


def accept(house: House, ids: list[int], **options: str) -> int:
    with transaction(house.sessions, PERSON) as session:
        return accept_findings(session, PERSON, ids, kinds=KINDS, **options)


def dismiss(house: House, ids: list[int]) -> int:
    with transaction(house.sessions, PERSON) as session:
        return dismiss_findings(session, PERSON, ids)


def test_what_is_accepted_is_never_proposed_again(house: House) -> None:
    first = house.check("leaf", "spine", "pdu")
    assert [(one.problem, one.lldp_problem) for one in first] == [("", "")] * 3
    found = house.findings()
    assert {("identity", "identity"), ("port", "Te1"), ("port", "Te9"), ("outlet", "1")} <= set(
        found
    )
    assert ("outlet", "2") not in found
    assert accept(house, house.ids("identity", "port", "outlet", "sensor")) > 8
    # Now the ports are known, the neighbours are; the first check could only name them.
    assert set(house.findings()) == {("neighbour", "Te1|spine|Te9"), ("neighbour", "Te9|leaf|Te1")}
    house.check("leaf", "spine", "pdu")
    ports = house.port_ids()
    low, high = sorted((ports["leaf", "Te1"], ports["spine", "Te9"]))
    assert {key for subject, key in house.findings() if subject == "link"} == {f"{low}-{high}"}
    assert not house.findings("neighbour")
    accept(house, house.ids("link"), media="dac")
    for report in house.check("leaf", "spine", "pdu"):
        assert (report.new, report.open) == (0, 0)
    assert house.findings() == {}
    with transaction(house.sessions, SYSTEM) as session:
        assert session.scalars(select(Cable.media)).all() == ["dac"]
        trace = trace_port(session, SYSTEM, ports["leaf", "Te1"])
        assert {hop.port.label for hop in trace.hops} == {"leaf Te1", "spine Te9"}
        assert session.scalars(select(Outlet.number).order_by(Outlet.number)).all() == [1, 2]
        assert session.scalars(select(Sensor.name)).all()
        agent = session.get_one(SnmpAgent, house.agents["leaf"])
        assert (agent.sys_name, agent.last_check_error) == ("leaf", "")
        assert agent.last_check_at is not None
        deeds = session.execute(
            select(AuditEntry.actor, AuditEntry.subject).where(
                AuditEntry.action == "discovery.accept"
            )
        ).all()
        assert (PERSON.actor, f"snmp-agent/{agent.id}") in deeds


def settle(house: House) -> None:
    """Accept all there is but the links."""
    house.check("leaf", "spine", "pdu")
    accept(house, house.ids("identity", "port", "outlet", "sensor"))


def test_renumbering_is_no_news_and_checks_are_idempotent(house: House) -> None:
    settle(house)
    before = {key: one.id for key, one in house.findings().items()}
    house.leaf.ports = {"Te2": 101, "Te1": 102}
    house.check("leaf", "leaf")
    assert not house.findings("port")
    seen = house.findings("link")
    house.check("leaf")
    again = house.findings("link")
    assert {key: one.id for key, one in again.items()} == {key: one.id for key, one in seen.items()}
    (one,), (two,) = seen.values(), again.values()
    assert (one.first_seen_at, two.last_seen_at > one.last_seen_at) == (two.first_seen_at, True)
    assert before


def test_a_dismissed_finding_comes_back_only_when_it_says_something_else(house: House) -> None:
    settle(house)
    house.leaf.ports["Vlan7"] = 7
    house.check("leaf")
    assert dismiss(house, house.ids("port")) == 1
    house.check("leaf")
    assert not house.findings("port")
    # Not even when it was gone for a while.
    del house.leaf.ports["Vlan7"]
    house.check("leaf")
    house.leaf.ports["Vlan7"] = 7
    assert house.check("leaf")[0].new == 0
    assert not house.findings("port")
    house.leaf.aliases["Vlan7"] = "management"
    assert house.check("leaf")[0].new == 1
    (finding,) = house.findings("port").values()
    assert finding.details["alias"] == "management"
    assert finding.decided_at is None


def test_what_resolves_itself_goes(house: House) -> None:
    settle(house)
    del house.leaf.ports["Te2"]
    house.check("leaf")
    assert set(house.findings("port")) == {("port", "Te2")}
    house.leaf.ports["Te2"] = 2
    assert house.check("leaf")[0].resolved >= 1
    assert not house.findings("port")


def test_a_rename_keeps_the_port(house: House) -> None:
    settle(house)
    port_id = house.port_ids()["leaf", "Te1"]
    house.leaf.ports = {"TenGig1": 1, "Te2": 2}
    house.leaf.aliases = {"TenGig1": "to spine"}
    house.leaf.speeds = {"TenGig1": 10 * GIG}
    house.check("leaf")
    (finding,) = house.findings("port").values()
    assert (finding.kind, finding.details) == (
        "renamed",
        {"name": ["Te1", "TenGig1"], "speed_bps": [GIG, 10 * GIG]},
    )
    assert house.port_ids()["leaf", "Te1"] == port_id, "never taken by itself"
    accept(house, [finding.id])
    assert house.port_ids()["leaf", "TenGig1"] == port_id
    house.check("leaf")
    assert not house.findings("port")


def test_all_or_nothing_when_the_inventory_has_changed(house: House) -> None:
    settle(house)
    house.leaf.ports |= {"Te3": 3, "Te4": 4}
    house.leaf.speeds["Te1"] = 10 * GIG
    house.check("leaf")
    ids = house.ids("port")
    assert len(ids) == 3
    with transaction(house.sessions, SYSTEM) as session:
        port = session.get_one(Port, house.port_ids()["leaf", "Te1"])
        port.speed_bps = 7
    with pytest.raises(ConflictError, match="leaf Te1 has changed in the inventory"):
        accept(house, ids)
    assert ("leaf", "Te3") not in house.port_ids()
    assert sorted(house.ids("port")) == sorted(ids)
    # A check brings the findings up to date, and then it works.
    house.check("leaf")
    assert accept(house, house.ids("port")) == 3
    assert {("leaf", "Te3"), ("leaf", "Te4")} <= set(house.port_ids())


def test_a_port_in_use_is_not_taken_out(house: House) -> None:
    settle(house)
    house.check("leaf", "spine")
    accept(house, house.ids("link"))
    house.leaf.ports = {"Te2": 2}
    house.check("leaf")
    with pytest.raises(ConflictError):
        accept(house, house.ids("port"))
    assert ("leaf", "Te1") in house.port_ids()


def test_a_socket_in_use_is_not_taken_out(house: House) -> None:
    settle(house)
    house.outlets = [1]
    house.check("pdu")
    with transaction(house.sessions, SYSTEM) as session:
        outlet = session.scalars(select(Outlet).where(Outlet.number == 2)).one()
        outlet.device_id = session.get_one(SnmpAgent, house.agents["leaf"]).device_id
    with pytest.raises(ConflictError, match="leaf is plugged into outlet 2"):
        accept(house, house.ids("outlet"))
    with transaction(house.sessions, SYSTEM) as session:
        session.scalars(select(Outlet).where(Outlet.number == 2)).one().device_id = None
    accept(house, house.ids("outlet"))
    with transaction(house.sessions, SYSTEM) as session:
        assert session.scalars(select(Outlet.number)).all() == [1]


def test_a_node_measured_at_a_place_that_is_gone(house: House) -> None:
    settle(house)
    with transaction(house.sessions, SYSTEM) as session:
        node = session.scalars(select(PowerNode)).one()
        node.meter_place = "branch-77"
    house.check("pdu")
    assert set(house.findings("meter")) == {("meter", "branch-77")}
    accept(house, house.ids("meter"))
    with transaction(house.sessions, SYSTEM) as session:
        assert session.scalars(select(PowerNode.meter_device_id)).one() is None


def rows(house: House, **wanted: str) -> list[tuple[str, str, str]]:
    with transaction(house.sessions, SYSTEM) as session:
        found = list_findings(session, FindingFilter(**wanted)).items  # type: ignore[arg-type]
        return [(row.device_name, row.subject, row.verdict) for row in found]


def test_ends_that_agree_are_listed_once_and_decided_together(house: House) -> None:
    settle(house)
    house.check("leaf")
    assert rows(house, subject="link") == [("leaf", "link", "")]
    house.check("spine")
    assert len(house.ids("link")) == 2
    assert rows(house, subject="link") == [("leaf", "link", "agreed")]
    with transaction(house.sessions, SYSTEM) as session:
        (row,) = list_findings(session, FindingFilter(subject="link")).items
    assert dismiss(house, [row.id]) == 2
    assert rows(house, subject="link") == []


def test_ends_that_disagree_are_both_listed(house: House) -> None:
    settle(house)
    house.spine.heard = {"Te9": ("leaf", "Te2")}
    house.check("leaf", "spine")
    assert rows(house, subject="link") == [
        ("leaf", "link", "disputed"),
        ("spine", "link", "disputed"),
    ]


def test_a_cable_that_leads_elsewhere_is_told_and_left_alone(house: House) -> None:
    settle(house)
    ports = house.port_ids()
    with transaction(house.sessions, SYSTEM) as session:
        connect_ports(
            session, SYSTEM, Plug(ports["leaf", "Te1"]), Plug(ports["spine", "Te8"]),
            CableNotes("smf", code="F-1"),
        )  # fmt: skip
    house.check("leaf")
    (finding,) = house.findings("link").values()
    assert (finding.kind, finding.details["cabled"]) == ("changed", ["leaf Te1 – spine Te8"])
    with pytest.raises(ConflictError, match="taken by cable F-1"):
        accept(house, [finding.id])


def test_a_neighbour_outside_the_inventory_can_only_be_dismissed(house: House) -> None:
    settle(house)
    house.leaf.heard["Te2"] = ("carrier-pe", "xe-0/0/0")
    house.check("leaf")
    (finding,) = [one for one in house.findings("neighbour").values() if "carrier" in one.key]
    assert finding.details["doubt"] == "unknown_device"
    with pytest.raises(ConflictError, match="isn't in the inventory"):
        accept(house, [finding.id])
    assert dismiss(house, [finding.id]) == 1


def test_a_silent_device_changes_nothing(house: House) -> None:
    house.check("leaf")
    before = set(house.findings())
    house.silent = True
    (report,) = house.check("leaf")
    assert report.problem.startswith("no answer")
    assert set(house.findings()) == before
    with transaction(house.sessions, SYSTEM) as session:
        agent = session.get_one(SnmpAgent, house.agents["leaf"])
        assert agent.last_check_error == report.problem


def test_one_agent_that_cannot_be_asked_does_not_stop_the_others(house: House) -> None:
    house.check("leaf")
    with transaction(house.sessions, SYSTEM) as session:
        session.get_one(SnmpAgent, house.agents["leaf"]).address = "198.51.100.1"
    asyncio.run(check_agents(house.settings, house.sessions, [house.agents["leaf"], 999_999]))
    with transaction(house.sessions, SYSTEM) as session:
        agent = session.get_one(SnmpAgent, house.agents["leaf"])
        assert "outside the management networks" in agent.last_check_error


def test_who_may_decide_and_on_what(house: House) -> None:
    house.check("leaf")
    ids = house.ids("port")
    with transaction(house.sessions, SYSTEM) as session:
        customer = Scope.customer("x", 1)
        with pytest.raises(ForbiddenError):
            accept_findings(session, customer, ids)
        with pytest.raises(ForbiddenError):
            dismiss_findings(session, customer, ids)
    with pytest.raises(InvalidError):
        accept(house, [])
    with pytest.raises(InvalidError):
        accept(house, ids, media="string")
    with pytest.raises(NotFoundError):
        dismiss(house, [*ids, 999_999])
    dismiss(house, ids[:1])
    with pytest.raises(ConflictError, match=r"li@idc\.example decided"):
        accept(house, ids)


@contextmanager
def counted(session: ScopedSession) -> Iterator[list[str]]:
    told: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        told.append(statement)

    engine = session.get_bind()
    assert isinstance(engine, Engine)
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_list_takes_three_statements_however_long_it_is(house: House) -> None:
    settle(house)
    house.check("leaf", "spine")
    lengths = []
    for more in (0, 200):
        with transaction(house.sessions, SYSTEM) as session:
            now = utc_now()
            session.add_all(
                DiscoveryFinding(
                    agent_id=house.agents["leaf"], kind="new", subject="port", key=f"p{n}",
                    details={}, first_seen_at=now, last_seen_at=now,
                )
                for n in range(more)
            )  # fmt: skip
            session.flush()
            list_findings(session)
            with counted(session) as told:
                page = list_findings(session)
            lengths.append((page.total, len(told)))
    (few, first), (many, second) = lengths
    assert many - few == 200
    assert first == second == 3
