"""Readings for Prometheus: what holds now, by scope; a token for them alone opens nothing else."""

import datetime as dt
from typing import cast

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, select, text, update

from dcim.accounts.models import User
from dcim.accounts.scope import Scope
from dcim.accounts.tokens import create_token
from dcim.db import ScopedSession
from dcim.errors import InvalidError
from dcim.metering.models import Series
from dcim.network.models import Port
from dcim.sla import readings_now
from dcim.sla.readings_now import read_families
from tests.integration.api.conftest import MakeClient
from tests.integration.web.boards import HOSTILE, Counter, House

METRICS = "/api/v1/metrics"
SYSTEM = Scope.system("test")


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


def parse(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_staff_get_every_port_feed_and_sensor(api: MakeClient, house: House) -> None:
    tenants = [house.add_tenant(tag) for tag in "AB"]
    answer = api("noc").get(METRICS)
    assert answer.content_type.startswith("text/plain")
    found = parse(answer.get_data(as_text=True))
    ports = {labels["port_id"]: value for labels, value in found["jifang_port_in_bits_per_second"]}
    assert set(ports) == {str(port) for tenant in tenants for port in tenant.ports}
    # As the board says it.
    session = house.session
    one = session.get_one(Port, tenants[0].ports[0])
    [(labels, _value)] = [
        (labels, value)
        for labels, value in found["jifang_port_speed_bits_per_second"]
        if labels["port_id"] == str(one.id)
    ]
    assert (labels["device"], labels["port"]) == (one.device.name, one.name)
    assert labels["customer"] == "C-A"
    assert {value for _l, value in found["jifang_port_up"]} <= {0.0, 1.0}
    watts = found["jifang_power_watts"]
    assert watts
    assert all(value > 0 for _labels, value in watts)


def test_what_is_not_known_now_is_absent(house: House, session: ScopedSession) -> None:
    house.add_tenant("A")
    later = house.now + dt.timedelta(hours=1)
    found = {family.name: family.samples for family in read_families(session, SYSTEM, later)}
    for name in (
        "jifang_port_in_bits_per_second",
        "jifang_port_up",
        "jifang_power_watts",
        "jifang_power_up",
        "jifang_temperature_celsius",
    ):
        assert found[name] == [], name
    # When it was last heard of stays: that is what an alarm on silence needs.
    assert found["jifang_port_sample_timestamp_seconds"]
    assert found["jifang_port_speed_bits_per_second"]
    # The control: with a longer hold the same samples hold.
    held = read_families(session, SYSTEM, later, hold_ms=7_200_000)
    assert {family.name: family.samples for family in held}["jifang_power_watts"]


def test_what_a_device_does_not_report_is_absent_too(house: House, session: ScopedSession) -> None:
    """A counter that isn't there is no rate below nothing; a state holds by its own sample."""
    [port] = house.add_tenant("A").ports
    series = {
        family: session.scalars(
            select(Series.id).where(Series.port_id == port, Series.family == family)
        ).one()
        for family in ("traffic", "state")
    }
    later = house.now + dt.timedelta(hours=1)
    ms = round(later.timestamp() * 1000)
    house.store.append(
        session, "traffic", [(series["traffic"], ms, 60_000, 0, -1, 7_500_000, 0, 0)]
    )
    session.commit()
    found = {one.name: one.samples for one in read_families(session, SYSTEM, later)}
    assert found["jifang_port_in_bits_per_second"] == []
    assert [value for _, value in found["jifang_port_out_bits_per_second"]] == [10**6]
    assert found["jifang_port_up"] == []
    house.store.append(session, "state", [(series["state"], ms + 1, 0, 0, 2)])
    session.commit()
    found = {one.name: one.samples for one in read_families(session, SYSTEM, later)}
    assert [value for _, value in found["jifang_port_up"]] == [0]
    [(_, newest)] = found["jifang_port_sample_timestamp_seconds"]
    assert newest == (ms + 1) / 1000


def test_discards_are_told_per_second_and_absent_where_not_counted(
    house: House, session: ScopedSession
) -> None:
    """Not known is no 0; one's own alone; nor are those of an older poll than the rates told."""
    one, two, three, four = (house.add_tenant(tag) for tag in "ABCD")
    house.drop_packets(one.ports[0], (6, 90))
    house.drop_packets(two.ports[0], (0, -1))
    house.drop_packets(four.ports[0], (6, 90), old_s=60)
    names = [f"jifang_port_{way}_per_second" for way in ("in_discards", "out_discards")]

    def told(scope: Scope) -> list[dict[str, float]]:
        found = {each.name: each.samples for each in read_families(session, scope, house.now)}
        return [{labels[3]: value for labels, value in found[name]} for name in names]

    inward, outward = told(SYSTEM)
    assert inward == {str(one.ports[0]): 0.1, str(two.ports[0]): 0.0}
    assert outward == {str(one.ports[0]): 1.5}
    assert told(Scope.customer("c", one.customer_id))[1] == outward
    assert told(Scope.customer("c", three.customer_id)) == [{}, {}]
    found = {each.name: each.samples for each in read_families(session, SYSTEM, house.now)}
    assert {value for _, value in found["jifang_port_in_errors_per_second"]} == {0.0}


def test_more_ports_than_a_statement_has_parameters(house: House, session: ScopedSession) -> None:
    house.add_tenant("A")
    session.execute(
        text(
            "INSERT INTO port (device_id, name, kind, speed_bps, media, enabled, alias,"
            " description, role) SELECT :device, 'panel ' || n, 'panel', 0, '', true, '', '',"
            " 'internal' FROM generate_series(1, 66000) AS n"
        ),
        {"device": house.switch.id},
    )
    found = {one.name: one.samples for one in read_families(session, SYSTEM, house.now)}
    assert len(found["jifang_port_in_bits_per_second"]) == 1


def test_a_customer_gets_its_own_alone(api: MakeClient, house: House) -> None:
    own, _other = (house.add_tenant(tag) for tag in "AB")
    text = api("customer_viewer", customer_id=own.customer_id).get(METRICS).get_data(as_text=True)
    found = parse(text)
    ports = {labels["port_id"] for labels, _ in found["jifang_port_in_bits_per_second"]}
    assert ports == {str(port) for port in own.ports}
    assert found["jifang_power_watts"]
    assert "CANARY-B" not in text
    assert {labels["device"] for labels, _ in found["jifang_port_up"]} == {""}
    assert "jifang_temperature_celsius" not in found


def test_parts_and_rights(api: MakeClient, house: House) -> None:
    house.add_tenant("A")
    noc = api("noc")
    found = parse(noc.get(f"{METRICS}?part=power").get_data(as_text=True))
    assert {name.split("_")[1] for name in found} == {"power"}
    assert noc.get(f"{METRICS}?part=all").status_code == 422
    assert api("finance").get(METRICS).status_code == 403


def test_hostile_names_are_values_and_no_lines(
    api: MakeClient, house: House, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A")
    evil = f'x"}} 1\njifang_port_up{{port="{HOSTILE[:40]}\\'
    port = session.get_one(Port, tenant.ports[0])
    session.execute(update(Port).where(Port.id == port.id).values(name=evil))
    session.commit()
    found = parse(api("noc").get(METRICS).get_data(as_text=True))
    names = [labels["port"] for labels, _value in found["jifang_port_in_bits_per_second"]]
    assert evil in names
    assert len(found["jifang_port_in_bits_per_second"]) == 1


def test_a_token_for_readings_opens_nothing_else(
    app: Flask, api: MakeClient, house: House, session: ScopedSession
) -> None:
    house.add_tenant("A")
    api("noc")
    user = session.scalars(select(User).order_by(User.id.desc())).first()
    assert user is not None
    tokens = {
        purpose: create_token(session, SYSTEM, user, purpose, purpose=purpose).plaintext
        for purpose in ("all", "readings")
    }
    session.commit()
    client = app.test_client()

    def status(purpose: str, path: str, method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {tokens[purpose]}"}
        return client.open(path, method=method, headers=headers).status_code

    assert status("readings", METRICS) == status("all", METRICS) == 200
    for path in ("/api/v1/me", "/api/v1/ports", "/api/v1/devices", "/api/v1/me/tokens"):
        assert status("readings", path) == 403
        assert status("all", path) == 200  # the control
    assert status("readings", "/api/v1/me/tokens/1", "DELETE") == 403
    with pytest.raises(InvalidError):
        create_token(session, SYSTEM, user, "x", purpose="write")


def test_the_number_of_queries_is_the_same_for_many(house: House, session: ScopedSession) -> None:
    engine = cast(Engine, session.get_bind())
    house.add_tenant("A")
    session.expire_all()
    with Counter(engine) as few:
        read_families(session, SYSTEM, house.now)
    for tag in "BCD":
        house.add_tenant(tag, ports=3)
    session.expire_all()
    with Counter(engine) as many:
        read_families(session, SYSTEM, house.now)
    assert many.count == few.count


def test_names_and_helps_are_told_apart() -> None:
    names = [
        name
        for families in (
            readings_now.PORT_FAMILIES,
            readings_now.NODE_FAMILIES,
            readings_now.SENSOR_FAMILIES,
        )
        for name, _help in families
    ]
    assert len(names) == len(set(names))
