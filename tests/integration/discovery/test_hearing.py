"""What a check hears by LLDP is kept, whether or not the cables say the same."""

from sqlalchemy import select

from dcim.db import transaction
from dcim.network.cables import CableNotes, connect_ports, disconnect_cable
from dcim.network.models import Cable
from dcim.network.tracing import Plug
from dcim.snmp.agents.models import HeardNeighbour
from dcim.snmp.discovery.checking import keep_examination
from tests.integration.discovery.house import PERSON, SYSTEM, House
from tests.integration.discovery.test_deciding import accept


def heard(house: House) -> dict[str, HeardNeighbour]:
    with transaction(house.sessions, SYSTEM) as session:
        found = session.scalars(select(HeardNeighbour)).all()
        session.expunge_all()
        return {one.key: one for one in found}


def test_neighbours_are_kept_as_long_as_they_are_heard(house: House) -> None:
    house.check("leaf", "spine")
    accept(house, house.ids("identity", "port"))
    before = heard(house)
    assert {one.doubt for one in before.values()} == {"unknown_port"}, "no ports were known yet"
    house.check("leaf", "spine")
    ports = house.port_ids()
    leaf, spine = ports["leaf", "Te1"], ports["spine", "Te9"]
    found = heard(house)
    assert {(one.port_id, one.other_port_id, one.doubt) for one in found.values()} == {
        (leaf, spine, ""),
        (spine, leaf, ""),
    }
    one = found["Te1|spine|Te9"]
    assert (one.local_port, one.sys_name, one.remote_port) == ("Te1", "spine", "Te9")
    # Recognised since, but the same neighbour: it is heard since it was first.
    assert one.first_heard_at == before[one.key].first_heard_at
    assert one.last_heard_at > before[one.key].last_heard_at

    # A cable that says the same takes the finding away and leaves what is heard.
    with transaction(house.sessions, PERSON) as session:
        connect_ports(session, PERSON, Plug(leaf), Plug(spine), CableNotes("dac"))
    house.check("leaf", "spine")
    assert not house.findings("link")
    assert heard(house).keys() == found.keys()

    # Another at the same port is another neighbour; whom nobody hears any more is gone.
    house.leaf.heard = {"Te1": ("stranger", "Gi0/1")}
    house.spine.heard = {}
    house.check("leaf", "spine")
    (other,) = heard(house).values()
    assert (other.doubt, other.sys_name, other.port_id) == ("unknown_device", "stranger", leaf)
    assert other.first_heard_at > one.first_heard_at

    # Nobody answered: that says nothing of who is there.
    with transaction(house.sessions, SYSTEM) as session:
        keep_examination(session, house.agents["leaf"], None, "silent")
    assert heard(house).keys() == {other.key}

    # A port that is deleted takes with it what was heard there, never the check.
    house.leaf.ports = {"Te2": 2}
    house.leaf.heard = {}
    with transaction(house.sessions, PERSON) as session:
        for cable in session.scalars(select(Cable)):
            disconnect_cable(session, PERSON, cable.id)
    house.check("leaf")
    accept(house, house.ids("port"))
    assert heard(house) == {}
