"""The map of links: what it says of each link, for how much it asks, and when it is cut."""

import datetime as dt
import re

import pytest
from flask.testing import FlaskClient

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError, NotFoundError
from dcim.network.cables import find_places
from dcim.sla import links
from dcim.sla.links import LinkMap, Wish, bundle_links, find_linked_device, read_link_map
from dcim.sla.port_neighbours import read_port_links
from dcim.snmp.agents.models import LagMember
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.link_net import Net
from tests.integration.web.test_noc_pages import tag_of

SYSTEM = Scope.system("test")


@pytest.fixture
def net(session: ScopedSession) -> Net:
    return Net(House(session))


def read(net: Net, **wish: int | bool) -> LinkMap:
    return read_link_map(net.session, SYSTEM, Wish(**wish), utc_now())  # type: ignore[arg-type]


def told(found: LinkMap) -> dict[str, str]:
    return {
        f"{one.link.a.label} - {one.link.z.label}": f"{one.link.verdict} {one.load}"
        for one in found.links
    }


def build(net: Net) -> None:
    """One of each: agrees through panels, recorded alone, heard alone, and one that contradicts."""
    net.uplink("spine-1 Up1", "ct")
    net.cable_by_panels("spine-1 Te1", "leaf-1 Te9", "odf-1 1", "odf-2 1")
    net.hear("spine-1 Te1", "leaf-1 Te9")
    net.hear("leaf-1 Te9", "spine-1 Te1")
    net.measure("spine-1 Te1", 0.8)
    net.measure("leaf-1 Te9", 0.2)
    net.cable("spine-1 Te2", "leaf-2 Te9")
    net.measure("spine-1 Te2", 0.1, state=2)
    net.hear("leaf-3 Te9", "spine-1 Te3")
    net.measure("spine-1 Te3", 0.95)
    net.cable("spine-1 Te4", "leaf-4 Te9")
    net.hear("leaf-4 Te9", "spine-1 Te5")
    # A machine on a switch's port, and a cable that ends in a panel.
    net.cable("leaf-1 Gi1", "odf-1 2")
    net.port("server-1 eth0", kind="server")
    net.cable("leaf-1 Gi2", "server-1 eth0")
    net.session.commit()


def test_what_is_said_of_each_link(net: Net) -> None:
    build(net)
    found = read(net)
    links_told = {
        "leaf-1 Te9 - spine-1 Te1": "agrees high",
        "leaf-2 Te9 - spine-1 Te2": "recorded down",
        "leaf-3 Te9 - spine-1 Te3": "heard full",
        "leaf-4 Te9 - spine-1 Te4": "contradicts unknown",
        "leaf-4 Te9 - spine-1 Te5": "contradicts unknown",
    }
    assert told(found) == links_told
    first = found.links[0]
    assert [panel.label for panel in first.link.via] == ["odf-2 1", "odf-1 1"], "from its end a"
    assert first.link.heard_by == {net.port("spine-1 Te1").id, net.port("leaf-1 Te9").id}
    assert {one.name: one.carriers for one in found.devices if one.carriers} == {
        "spine-1": ("ct line",)
    }
    assert (found.linked, found.center, found.left_out) == (5, None, 0)
    assert not any(one.is_outside for one in found.devices)
    # With machines there is one more; nothing else changes.
    more = told(read(net, with_machines=True))
    assert more.pop("leaf-1 Gi2 - server-1 eth0") == "recorded unknown"
    assert more == links_told


def bundle(net: Net, lag: str, *members: str) -> None:
    for words in members:
        device, name = words.split(" ")
        net.session.add(
            LagMember(
                device_id=net.device(device).id, lag_name=lag, port_name=name, starts_at=utc_now()
            )
        )
    net.session.commit()


def test_links_of_one_lag_are_one_line(net: Net, noc: FlaskClient) -> None:
    for number in (1, 2, 3, 4):
        net.cable(f"spine-1 Te{number}", f"leaf-1 Te{number}")
    net.cable("spine-1 Te5", "leaf-2 Te1")
    net.measure("spine-1 Te1", 0.6)
    net.measure("spine-1 Te2", 0.2)
    net.measure("spine-1 Te3", 0.0, state=2)
    apart = bundle_links(read(net).links)
    assert [len(one.links) for one in apart] == [1, 1, 1, 1, 1]
    bundle(net, "Po1", "spine-1 Te1", "spine-1 Te2", "spine-1 Te3", "spine-1 Te5")
    bundle(net, "ae1", "leaf-1 Te1", "leaf-1 Te2", "leaf-1 Te3", "leaf-2 Te1")
    found = bundle_links(read(net).links)
    # One to each device; a link that no LAG has is its own.
    assert [len(one.links) for one in found] == [3, 1, 1]
    assert (found[0].up, found[0].fullest.load) == (2, "half")
    page = noc.get("/noc/links").text
    assert page.count('class="lk-hit"') == 3
    assert ">60% 2/3<" in page
    assert "LAG ae1 / Po1, 2 of 3 links up" in page
    # What contradicts is drawn by itself.
    net.hear("leaf-1 Te2", "spine-1 Te9")
    net.session.commit()
    shown = [len(one.links) for one in bundle_links(read(net).links)]
    assert sorted(shown) == [1, 1, 1, 1, 2]


def test_what_nobody_hears_any_more_counts_no_longer(net: Net) -> None:
    net.cable("spine-1 Te1", "leaf-1 Te9")
    row = net.hear("spine-1 Te1", "leaf-1 Te9", ago=dt.timedelta(days=2))
    assert told(read(net)) == {"leaf-1 Te9 - spine-1 Te1": "agrees unknown"}
    row.last_heard_at = utc_now() - dt.timedelta(days=4)
    net.session.flush()
    assert told(read(net)) == {"leaf-1 Te9 - spine-1 Te1": "recorded unknown"}


def test_a_neighbour_of_which_the_device_alone_is_known(net: Net) -> None:
    net.cable("spine-1 Te1", "leaf-1 Te9")
    row = net.hear("spine-1 Te1", "leaf-1 ?", doubt="unknown_port")
    assert told(read(net)) == {"leaf-1 Te9 - spine-1 Te1": "recorded unknown"}
    row.other_device_id = net.device("leaf-7").id
    net.session.flush()
    assert told(read(net)) == {"leaf-1 Te9 - spine-1 Te1": "contradicts unknown"}
    # Who isn't known at all contradicts nobody: its name may only be written otherwise.
    row.other_device_id, row.doubt = None, "unknown_device"
    net.session.flush()
    assert told(read(net)) == {"leaf-1 Te9 - spine-1 Te1": "recorded unknown"}


def test_a_place_shows_what_its_devices_are_linked_with_elsewhere(net: Net) -> None:
    build(net)
    net.cable("server-9 Te1", "leaf-1 Te7")
    assert told(read(net, site_id=net.house.site.id)) == {}, "nothing stands there"
    net.stand("leaf-1")
    found = read(net, site_id=net.house.site.id)
    assert set(told(found)) == {"leaf-1 Te9 - spine-1 Te1", "leaf-1 Te7 - server-9 Te1"}
    assert {one.name for one in found.devices if one.is_outside} == {"spine-1", "server-9"}
    assert read(net, room_id=net.house.room_id).devices == found.devices
    assert told(read(net, room_id=net.house.room_id + 1)) == {}


def chain(net: Net, count: int) -> None:
    """n-01 — n-02 — … and a few leaves on n-03."""
    for number in range(1, count):
        net.cable(f"n-{number:02} up", f"n-{number + 1:02} down")
    for number in range(3):
        net.cable(f"n-03 leaf{number}", f"leaf-{number} up")
    net.session.flush()


def test_a_big_place_is_cut_to_what_is_near_a_device(
    net: Net, noc: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain(net, 9)
    net.session.commit()
    assert (read(net).center, len(read(net).devices)) == (None, 12)
    monkeypatch.setattr(links, "MOST_DEVICES", 7)
    found = read(net, hops=1)
    assert found.center is not None
    assert (found.center.name, found.linked, found.is_cut) == ("n-03", 12, True)
    assert {one.name for one in found.devices} == {
        "n-02", "n-03", "n-04", "leaf-0", "leaf-1", "leaf-2",
    }  # fmt: skip
    # Two hops would be eight devices: one is left out, and that is said.
    found = read(net, hops=2)
    assert (len(found.devices), found.left_out) == (7, 1)
    page = noc.get("/noc/links").get_data(as_text=True)
    assert "12 devices have links here, too many for one picture." in page
    assert "around n-03, the best connected, hops: 2." in page
    assert "Devices near it that are not shown: 1." in page
    # Each once, though it is near several that are shown.
    net.cable("n-01 x", "n-05 x")
    net.cable("leaf-0 x", "n-05 y")
    net.session.commit()
    found = read(net, hops=3)
    assert (len(found.devices), found.left_out) == (7, 2), "n-01 and n-06"
    # Most cables lead nowhere that is shown: it isn't what the map is about.
    for number in range(9):
        net.port(f"server-{number} eth0", kind="server")
        net.cable(f"access-1 {number}", f"server-{number} eth0")
    net.session.commit()
    found = read(net, hops=1)
    assert found.center is not None
    assert (found.center.name, found.linked) == ("n-03", 13)
    # Around another device, by its name; then nobody counts what the house has.
    monkeypatch.setattr(links, "_select_linked", None)
    found = read(net, device_id=find_linked_device(net.session, SYSTEM, "N-08"), hops=1)
    assert {one.name for one in found.devices} == {"n-07", "n-08", "n-09"}
    page = noc.get("/noc/links?q=n-08&hops=1").get_data(as_text=True)
    assert "Around n-08, hops: 1." in page
    assert "too many" not in page


def test_links_among_the_outermost_are_there(net: Net) -> None:
    for name in ("leaf-1", "leaf-2"):
        net.cable(f"spine-1 {name}", f"{name} up")
    net.cable("leaf-1 peer", "leaf-2 peer")
    net.session.flush()
    found = read(net, device_id=net.device("spine-1").id, hops=1)
    assert "leaf-1 peer - leaf-2 peer" in told(found)


def test_the_page(net: Net, noc: FlaskClient) -> None:
    net.device("spine-1").name = "spine-1"
    build(net)
    net.device("leaf-2").name = f"leaf-2 {HOSTILE}"
    net.session.commit()
    page = noc.get("/noc/links").get_data(as_text=True)
    for words in (
        "Recorded and heard", "Recorded, not heard", "Heard, no cable recorded",
        "Record and LLDP contradict", "by odf-2 1, odf-1 1", "ct line",
        "5 devices and 5 links: 1 recorded and heard, 1 recorded alone, 1 heard alone, 2 contra",
    ):  # fmt: skip
        assert words in page, words
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert") >= 3, "in the picture's title and name, and the table"
    # The same in the picture and in the table: a link to each port, a mark where one is needed.
    picture, table = page.split("</svg></div>", 1)
    ids = [net.port(f"leaf-{n} Te9").id for n in (1, 2, 3, 4)]
    for port_id in ids:
        assert f'href="/noc/ports/{port_id}"' in picture
        assert f'href="/noc/ports/{port_id}"' in table
    assert picture.count('class="lk-line"') == 5
    marks = re.findall(r'text-anchor="middle">([^<]+)</text>', picture)
    assert sorted(marks) == sorted(["≠", "≠", "? 95%", "×", "80%"])
    # What wants a person stands first.
    verdicts = re.findall(r"<span>(Record[^<]*|Heard[^<]*)</span></span>", table)
    assert verdicts[0] == verdicts[1] == "Record and LLDP contradict"
    assert verdicts[-1] == "Recorded and heard"


def test_unchanged_is_304_and_what_changes_is_not(net: Net, noc: FlaskClient) -> None:
    build(net)

    def ask(tag: str) -> int:
        headers = {"HX-Request": "true", "If-None-Match": tag}
        return noc.get("/noc/links", headers=headers).status_code

    tag = tag_of(noc.get("/noc/links").get_data(as_text=True))
    assert ask(tag) == 304
    net.cable("leaf-1 Te8", "leaf-2 Te8")
    net.session.commit()
    assert ask(tag) == 200
    tag = tag_of(noc.get("/noc/links").get_data(as_text=True))
    net.measure("leaf-1 Te8", 0.6)
    net.session.commit()
    assert ask(tag) == 200


def test_statements_do_not_grow_with_links(net: Net, noc: FlaskClient) -> None:
    build(net)
    engine = net.session.get_bind().engine
    noc.get("/noc/links")
    with Counter(engine) as few:
        noc.get("/noc/links")
    for number in range(10, 40):
        net.cable_by_panels(
            f"spine-1 Xe{number}", f"leaf-{number} up", f"odf-3 {number}", f"odf-4 {number}"
        )
        net.hear(f"leaf-{number} up", f"spine-1 Xe{number}")
        net.measure(f"leaf-{number} up", 0.3)
    net.session.commit()
    with Counter(engine) as many:
        page = noc.get("/noc/links").get_data(as_text=True)
    assert page.count('class="lk-line"') == 35 + 9, "and nine in the legend"
    assert many.count == few.count > 10


def test_of_more_links_than_anybody_reads_those_that_want_a_person_are_shown(
    net: Net, noc: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(net)
    monkeypatch.setattr("dcim.web.noc.links.MOST_LINKS", 3)
    page = noc.get("/noc/links").get_data(as_text=True)
    assert page.count('class="lk-line"') == 3 + 9, "and nine in the legend"
    assert page.count('<th scope="row">') == 3
    assert "leaf-3 Te9" in page
    assert "leaf-1 Te9" not in page, "where nothing is to be done"
    assert "2 more" in page
    assert "5 links: 1 recorded and heard" in page


def test_as_many_ports_as_a_map_passes_are_one_parameter(net: Net) -> None:
    """PostgreSQL takes 65,535 of them; eighty chassis and their panels have more ports."""
    build(net)
    places = find_places(net.session, range(1, 70_000))
    assert {"spine-1 Te1", "odf-1 1"} <= {place.label for place in places.values()}


def test_who_and_what_there_is_not(net: Net, noc: FlaskClient) -> None:
    build(net)
    for path in ("/noc/links?q=nobody", "/noc/links?q=%25", "/noc/links?q=_eaf"):
        answer = noc.get(path)
        assert answer.status_code == 404, path
        page = answer.get_data(as_text=True)
        assert "No device with links is called" in page
        assert "leaf-1 Te9" in page, "the house is shown all the same"
    assert noc.get("/noc/links?device=999999").status_code == 404
    assert noc.get("/noc/links?site=x&room=99999999999999999999&hops=77").status_code == 200
    with pytest.raises(NotFoundError):
        read(net, device_id=999_999)
    customer = Scope.customer("c@example.com", 1)
    with pytest.raises(ForbiddenError):
        read_link_map(net.session, customer, Wish(), utc_now())
    with pytest.raises(ForbiddenError):
        find_linked_device(net.session, customer, "spine")


def test_a_ports_links_and_neighbours(net: Net, noc: FlaskClient) -> None:
    build(net)
    row = net.hear("spine-1 Te1", "stranger Gi0/1", doubt="unknown_device")
    row.sys_name, row.sys_descr = f"stranger {HOSTILE}", HOSTILE
    old = net.hear("spine-1 Te2", "leaf-9 Te1", ago=dt.timedelta(days=4))
    net.session.commit()

    def show(words: str) -> str:
        answer = noc.get(f"/noc/ports/{net.port(words).id}")
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200, page
        return page.split("Links and neighbours", 1)[1]

    page = show("spine-1 Te1")
    assert "leaf-1 Te9</a>" in page
    assert "by odf-1 1, odf-2 1" in page, "from this end"
    assert "heard by both ends" in page
    assert "No device of the inventory fits what it says." in page
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert") >= 2
    assert "contradict" not in page
    assert "The device was last asked whom it hears" in page
    # What was heard long ago is told, and contradicts nothing.
    page = show("spine-1 Te2")
    assert "counts no longer" in page
    assert "Recorded, not heard" in page
    assert "contradict" not in page
    old.last_heard_at = utc_now()
    net.session.commit()
    assert "The record and LLDP contradict" in show("spine-1 Te2")
    # Seen from each port of the contradiction: what is recorded, what is heard, and the way out.
    page = show("leaf-4 Te9")
    assert "Recorded is a cable to spine-1 Te4." in page
    assert "LLDP hears spine-1 Te5." in page
    assert f"/staff/network/ports/{net.port('leaf-4 Te9').id}" in page
    assert f"/staff/discovery?subject=link&amp;device={net.device('leaf-4').id}" in page
    page = show("spine-1 Te4")
    assert "Recorded is a cable to leaf-4 Te9." in page
    assert "The other end hears somebody else." in page
    page = show("spine-1 Te5")
    assert "Here no cable is recorded; at the other end one is, and it leads elsewhere." in page
    page = show("server-1 eth0")
    assert "leaf-1 Gi2</a>" in page
    assert "The device isn't polled" in page
    assert "No link is known at this port." in show("spine-1 Up1")


def test_a_ports_statements_do_not_grow_with_what_it_hears(net: Net) -> None:
    build(net)
    port_id = net.port("spine-1 Te1").id
    engine = net.session.get_bind().engine
    with Counter(engine) as few:
        read_port_links(net.session, SYSTEM, port_id, utc_now())
    for number in range(20):
        net.hear("spine-1 Te1", f"leaf-{number} Te77")
    net.session.commit()
    with Counter(engine) as many:
        found = read_port_links(net.session, SYSTEM, port_id, utc_now())
    assert len(found.heard) == 21
    assert many.count == few.count <= 13
    # Of what is read already nothing is asked again: most ports have no link at all.
    alone = net.port("spine-1 Te99").id
    net.session.commit()
    with Counter(engine) as least:
        read_port_links(net.session, SYSTEM, alone, utc_now())
    assert least.count <= few.count - 3
    with pytest.raises(ForbiddenError):
        read_port_links(net.session, Scope.customer("c@example.com", 1), port_id, utc_now())
