"""Reading meters by its pages: a walk on a phone, the second person, corrections, changes."""

import datetime as dt
import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask

from dcim.columns import utc_now
from dcim.db import SessionFactory, transaction
from dcim.meters.models import Meter, MeterReading
from dcim.power.models import PowerNode
from tests.integration.meters.house import JPEG, build_house, local
from tests.integration.statements.town import SYSTEM
from tests.integration.web.boards import Counter
from tests.integration.web.conftest import Login
from tests.integration.web.test_staff_forms import Person

MakeLogin = Callable[..., Login]


@dataclass
class Built:
    room: int
    meters: list[int]
    customers: list[int]


@pytest.fixture
def built(sessions: SessionFactory) -> Built:
    with transaction(sessions, SYSTEM) as session:
        house = build_house(session)
        meters = [
            house.hang("SN-1", power_node_id=house.pdus[0][0].id, position=1),
            house.hang("SN-2", 1, position=2, multiplier=40),
        ]
        house.confirm(meters[0], "1000", local("2026-09-01", "09:00"))
        return Built(
            house.room.id,
            [one.id for one in meters],
            [one.customer_id for one in house.contracts],
        )


@pytest.fixture
def reader(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("staff"))


@pytest.fixture
def second(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("administrator"))


def sheet(person: Person, built: Built) -> str:
    return str(person.client.get(f"/staff/meter-walks/{built.room}").get_data(as_text=True))


def picture(content: bytes = JPEG) -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), "IMG_0001.jpg"


def stored(sessions: SessionFactory, meter_id: int) -> list[MeterReading]:
    with transaction(sessions, SYSTEM) as session:
        found = session.query(MeterReading).filter_by(meter_id=meter_id).order_by(MeterReading.id)
        return list(found)


def test_a_walk_from_the_first_number_to_the_second_person(
    reader: Person, second: Person, built: Built, sessions: SessionFactory
) -> None:
    rooms = reader.client.get("/staff/meter-walks").get_data(as_text=True)
    assert "0 of 2" in rooms
    page = sheet(reader, built)
    assert page.index("SN-1") < page.index("SN-2")
    assert "1000.0" in page
    for needed in ('inputmode="decimal"', 'accept="image/*"', 'capture="environment"'):
        assert needed in page

    path = f"/staff/meters/{built.meters[0]}/readings"
    saved = reader.post(path, value="1200.5", photo=picture())
    assert saved.status_code == 200
    line = saved.get_data(as_text=True)
    assert f'id="meter-{built.meters[0]}" hx-swap-oob="true"' in line
    assert "1 of 2 meters read" in line
    assert "SN-2" not in line
    reading = stored(sessions, built.meters[0])[-1]
    assert (reading.value, reading.state) == (12_005, "entered")
    assert "1 of 2" in reader.client.get("/staff/meter-walks").get_data(as_text=True)

    decide = f"/staff/meter-readings/{reading.id}/decision"
    own = reader.client.get("/staff/meter-readings/waiting").get_data(as_text=True)
    assert "You read it yourself" in own
    assert reader.post(decide, state="confirmed").status_code == 403
    queue = second.client.get("/staff/meter-readings/waiting").get_data(as_text=True)
    photo = f"/staff/meter-readings/{reading.id}/photo"
    assert "1200.5" in queue
    assert "200.5 kWh" in queue
    assert photo in queue
    assert second.post(decide, state="refused", note="").status_code == 422
    answer = second.post(decide, state="confirmed", note="")
    assert (answer.status_code, "Confirmed" in answer.get_data(as_text=True)) == (200, True)
    assert second.post(decide, state="refused", note="no").status_code == 409
    assert "1200.5" not in second.client.get("/staff/meter-readings/waiting").get_data(as_text=True)

    shown = second.client.get(photo)
    assert (shown.data, shown.mimetype) == (JPEG, "image/jpeg")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    history = second.client.get(f"/staff/meters/{built.meters[0]}").get_data(as_text=True)
    assert "administrator-0@example.com" in history


def test_what_is_refused_says_why_and_loses_nothing(
    reader: Person, built: Built, sessions: SessionFactory
) -> None:
    path = f"/staff/meters/{built.meters[0]}/readings"
    lower = reader.post(path, value="10")
    assert lower.status_code == 422
    text = lower.get_data(as_text=True)
    assert "less than the 1000.0 of 2026-09-01 09:00" in text
    assert 'name="rolled_over"' in text
    assert "<form" not in text  # the line with its number and photo stays as it is
    assert reader.post(path, value="abc").status_code == 422
    assert reader.post(path, value="1100", photo=picture(b"%PDF-1.7")).status_code == 422
    assert reader.post(path, value="1100", read_at="yesterday").status_code == 422
    assert reader.post(path, value="1100", read_at="9999-12-31T23:59").status_code == 422

    at = (utc_now() + dt.timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")
    odd = reader.post(path, value="1000", read_at=at)
    assert odd.status_code == 422
    assert "The same number as" in odd.get_data(as_text=True)
    assert 'name="doubt_reason"' in odd.get_data(as_text=True)
    assert len(stored(sessions, built.meters[0])) == 1
    kept = reader.post(path, value="1000", read_at=at, doubt_reason="the rack is empty")
    assert kept.status_code == 200
    assert stored(sessions, built.meters[0])[-1].doubts == ["standing"]


def test_without_a_script_the_sheet_comes_back_with_the_number(
    reader: Person, built: Built
) -> None:
    path = f"/staff/meters/{built.meters[0]}/readings"
    data = {"csrf_token": reader.token, "value": "10", "note": "NOTE-KEPT"}
    refused = reader.client.post(path, data=data)
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert 'value="10"' in page
    assert "NOTE-KEPT" in page
    assert "SN-2" in page
    saved = reader.client.post(path, data=data | {"value": "1100"})
    assert saved.status_code == 303
    assert saved.headers["Location"].endswith(f"#meter-{built.meters[0]}")


def test_a_wrong_reading_is_corrected_from_the_meters_page(
    reader: Person, built: Built, sessions: SessionFactory
) -> None:
    (first,) = stored(sessions, built.meters[0])
    path = f"/staff/meter-readings/{first.id}/correct"
    assert path in reader.client.get(f"/staff/meters/{built.meters[0]}").get_data(as_text=True)
    assert reader.client.get(path).status_code == 200
    assert reader.post(path, value="", note="").status_code == 422
    assert reader.post(path, value="1000000", note="x").status_code == 422
    done = reader.post(path, value="900", note="digits swapped", photo=picture())
    assert "HX-Redirect" in done.headers
    page = reader.client.get(f"/staff/meters/{built.meters[0]}").get_data(as_text=True)
    assert "<del>1000.0</del>" in page
    assert "Corrected later" in page
    assert reader.post(path, value="901", note="again").status_code == 409


def test_a_meter_is_changed_with_both_numbers(
    reader: Person, built: Built, sessions: SessionFactory
) -> None:
    path = f"/staff/meters/{built.meters[1]}/change"
    form = {"value": "12.5", "digits": "5", "decimals": "2", "multiplier": "30"}
    assert reader.client.get(path).status_code == 200
    taken = reader.post(path, **form, serial="SN-1", new_value="0")
    assert taken.status_code == 409
    assert "SN-1 hangs elsewhere" in taken.get_data(as_text=True)
    assert 'value="12.5"' in taken.get_data(as_text=True)
    assert reader.post(path, **form, serial="SN-3", new_value="0.123").status_code == 422
    assert "HX-Redirect" in reader.post(path, **form, serial="SN-3", new_value="0.12").headers
    page = sheet(reader, built)
    assert "SN-3" in page
    assert "SN-2" not in page
    with transaction(sessions, SYSTEM) as session:
        new = session.query(Meter).filter_by(serial="SN-3").one()
        assert (new.digits, new.decimals, new.multiplier) == (5, 2, 30)
    end = f"/staff/meters/{new.id}/change"
    assert "HX-Redirect" in reader.post(end, value="0.2", serial="", digits="", decimals="",
                                        multiplier="").headers  # fmt: skip
    assert f"meter-{new.id}" not in sheet(reader, built)


def test_only_who_may_reads_and_confirms(
    app: Flask, make_login: MakeLogin, built: Built, sessions: SessionFactory
) -> None:
    noc, auditor = (Person(app, make_login(role)) for role in ("noc", "auditor"))
    path = f"/staff/meters/{built.meters[0]}/readings"
    assert auditor.post(path, value="1100").status_code == 403
    assert 'name="value"' not in sheet(auditor, built)
    assert noc.post(path, value="1100").status_code == 200
    reading = stored(sessions, built.meters[0])[-1]
    decide = f"/staff/meter-readings/{reading.id}/decision"
    assert noc.post(decide, state="confirmed").status_code == 403


def test_customers_see_their_own_meters_and_photos(
    app: Flask, make_login: MakeLogin, reader: Person, built: Built, sessions: SessionFactory
) -> None:
    reader.post(f"/staff/meters/{built.meters[0]}/readings", value="1100", photo=picture())
    reading = stored(sessions, built.meters[0])[-1]
    own, other = (
        Person(app, make_login("customer_viewer", customer_id=one)) for one in built.customers
    )
    page = own.client.get("/portal/meters").get_data(as_text=True)
    photo = f"/portal/meter-readings/{reading.id}/photo"
    for text in ("SN-1", "1100.0", photo):
        assert text in page
    assert own.client.get(photo).data == JPEG
    assert "SN-1" not in other.client.get("/portal/meters").get_data(as_text=True)
    assert other.client.get(photo).status_code == 404
    assert own.client.get(f"/staff/meters/{built.meters[0]}").status_code == 404


def test_the_sheet_costs_the_same_however_many_meters(
    reader: Person, built: Built, sessions: SessionFactory
) -> None:
    sheet(reader, built)
    engine = sessions.kw["bind"]
    with Counter(engine) as few:
        sheet(reader, built)
    with transaction(sessions, SYSTEM) as session:
        first = session.get_one(Meter, built.meters[0])
        for number in range(20):
            node = PowerNode(
                site_id=first.room.site_id, kind="breaker", code=f"X-{number}", feed="A", rated_a=16
            )
            session.add(node)
            session.flush()
            session.add(
                Meter(
                    serial=f"X-{number}", customer_id=first.customer_id, room_id=built.room,
                    contract_item_id=first.contract_item_id, power_node_id=node.id,
                    installed_at=local("2026-08-01"),
                )
            )  # fmt: skip
    with Counter(engine) as many:
        assert "X-19" in sheet(reader, built)
    assert many.count == few.count
