"""Reading meters: what is kept, asked, decided by a second person, and changed by nobody."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Room
from dcim.kinds import KINDS
from dcim.meters.changing import LastReading, NextMeter, change_meter, end_meter
from dcim.meters.doubts import DoubtsError
from dcim.meters.entering import NewReading, Photo, decide_reading, enter_reading
from dcim.meters.kinds import METER
from dcim.meters.models import Meter, MeterReading
from dcim.meters.queries import (
    ReadingFilter,
    count_waiting,
    find_meter,
    find_reading,
    list_meter_rooms,
    list_readings,
    list_sheet,
)
from dcim.network.files import read_file
from dcim.records.writing import delete_record
from tests.integration.meters.house import JPEG, READER, SECOND, House, local


def test_a_reading_is_kept_with_its_photo_and_waits(house: House, session: ScopedSession) -> None:
    meter = house.hang()
    reading = house.read(
        meter, "001234.5", local("2026-09-01", "09:00"), photo=Photo("IMG_1.JPG", JPEG)
    )
    row = find_reading(session, READER, reading.id)
    assert (row.register, row.state, row.read_by) == ("1234.5", "entered", "reader@example.com")
    assert row.used_kwh is None
    file = read_file(session, house.own(0), row.photo_id or 0)
    assert (file.content, file.media_type, file.sha256) == (JPEG, "image/jpeg", row.photo_sha256)
    with pytest.raises(NotFoundError):
        read_file(session, house.own(1), row.photo_id or 0)
    assert count_waiting(session, READER) == 1


def test_only_pictures_are_photos(house: House) -> None:
    meter = house.hang()
    at = local("2026-09-01", "09:00")
    for content in (b"%PDF-1.7 a letter", b"<svg onload=alert(1)>", b""):
        with pytest.raises(InvalidError):
            house.read(meter, "1", at, photo=Photo("meter.jpg", content))
    # The control: the same name with a picture in it.
    house.read(meter, "1", at, photo=Photo("meter.jpg", JPEG))


def test_a_second_person_confirms_and_never_the_first(house: House, session: ScopedSession) -> None:
    reading = house.read(house.hang(), "1", local("2026-09-01", "09:00"))
    for same in (READER, Scope.staff("READER@example.com")):
        with pytest.raises(ForbiddenError, match="second person"):
            decide_reading(session, same, reading.id, "confirmed")
    with pytest.raises(InvalidError, match="Say why"):
        decide_reading(session, SECOND, reading.id, "refused", " ")
    decide_reading(session, SECOND, reading.id, "confirmed", "as on the photo")
    row = find_reading(session, SECOND, reading.id)
    assert (row.state, row.decided_by, row.decision_note) == (
        "confirmed", "second@example.com", "as on the photo",
    )  # fmt: skip
    with pytest.raises(ConflictError, match=r"second@example\.com has decided"):
        decide_reading(session, Scope.staff("third@example.com"), reading.id, "refused", "no")
    deeds = session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.subject == f"meter-reading/{reading.id}")
        .order_by(AuditEntry.id)
    ).all()
    assert deeds == ["meter-reading.enter", "meter-reading.decide"]


def test_the_database_too_wants_two_people(house: House, session: ScopedSession) -> None:
    """The control of the service's check: the table refuses without it."""
    reading = house.read(house.hang(), "1", local("2026-09-01", "09:00"))
    sql = text(
        "UPDATE meter_reading SET state = 'confirmed', decided_by = :who, decided_at = now()"
        " WHERE id = :id"
    )
    with pytest.raises(IntegrityError, match="four_eyes"), session.begin_nested():
        session.execute(sql, {"who": "Reader@example.com", "id": reading.id})
    session.execute(sql, {"who": "second@example.com", "id": reading.id})


@pytest.mark.parametrize(
    "change",
    [
        "value = value + 1", "read_at = read_at + interval '1 day'", "read_by = 'other'",
        "photo_sha256 = repeat('0', 64), photo_id = photo_id", "state = 'refused'",
    ],
)  # fmt: skip
def test_a_decided_reading_never_changes(house: House, session: ScopedSession, change: str) -> None:
    meter = house.hang()
    reading = house.confirm(meter, "1", local("2026-09-01", "09:00"), photo=Photo("m.jpg", JPEG))
    with pytest.raises(IntegrityError, match="decided once"), session.begin_nested():
        session.execute(text(f"UPDATE meter_reading SET {change} WHERE id = {reading.id}"))  # noqa: S608


def test_an_entered_reading_is_decided_but_not_rewritten(
    house: House, session: ScopedSession
) -> None:
    reading = house.read(house.hang(), "1", local("2026-09-01", "09:00"))
    with pytest.raises(IntegrityError, match="decided once"), session.begin_nested():
        session.execute(text(f"UPDATE meter_reading SET value = 2 WHERE id = {reading.id}"))  # noqa: S608
    with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
        session.execute(text(f"DELETE FROM meter_reading WHERE id = {reading.id}"))  # noqa: S608


def test_what_cant_be_is_refused_and_what_is_odd_wants_a_reason(
    house: House, session: ScopedSession
) -> None:
    meter = house.hang(power_node_id=house.pdus[0][0].id)
    house.confirm(meter, "1000", local("2026-09-01", "09:00"))
    at = local("2026-09-02", "09:00")
    with pytest.raises(InvalidError, match=r"999\.9 is less than the 1000\.0 of 2026-09-01 09:00"):
        house.read(meter, "999.9", at)
    # 32 A at 220 V for a day are 168.96 kWh.
    with pytest.raises(InvalidError, match=r"can't have passed: the breaker carries 168\.96 kWh"):
        house.read(meter, "1300", at)
    with pytest.raises(DoubtsError, match="more than the breaker carries"):
        house.read(meter, "1180", at, doubt_reason="")
    assert count_waiting(session, READER) == 0
    reading = house.read(meter, "1180", at, doubt_reason="read twice, breaker at 110 %")
    assert reading.doubts == ["above_breaker"]
    with pytest.raises(InvalidError, match="shows 6 digits before the point and 1 behind"):
        house.read(meter, "1180.25", at + dt.timedelta(hours=1))
    with pytest.raises(InvalidError, match="future"):
        enter_reading(
            session, READER, NewReading(meter.id, "1200", at + dt.timedelta(hours=2)), now=at
        )


def test_a_correction_names_the_wrong_one_which_stays(house: House, session: ScopedSession) -> None:
    meter = house.hang()
    first = house.confirm(meter, "1000", local("2026-09-01", "09:00"))
    wrong = house.confirm(meter, "9100", local("2026-10-01", "09:00"))
    right = house.read(meter, "1900", local("2026-10-02", "09:00"), corrects_id=wrong.id,
                       note="digits swapped")  # fmt: skip
    assert right.read_at == local("2026-10-02", "09:00")
    with pytest.raises(ConflictError, match="has corrected this reading already"):
        house.read(meter, "1901", local("2026-10-03", "09:00"), corrects_id=wrong.id)
    decide_reading(session, SECOND, right.id, "confirmed")
    rows = {row.id: row for row in list_readings(session, READER).items}
    assert (rows[wrong.id].corrected, rows[wrong.id].state) == (True, "confirmed")
    assert rows[right.id].used_kwh == "900"
    assert rows[right.id].previous_register == "1000.0"
    assert rows[first.id].corrected is False
    # What was refused corrects nothing, and another may.
    again = house.read(meter, "1950", local("2026-10-03"), corrects_id=right.id)
    decide_reading(session, SECOND, again.id, "refused", "the photo says 1900")
    house.read(meter, "1955", local("2026-10-04"), corrects_id=right.id)


def test_confirming_judges_again(house: House, session: ScopedSession) -> None:
    """Its neighbour was refused meanwhile: what fitted then doesn't any more."""
    meter = house.hang()
    house.confirm(meter, "999990", local("2026-09-01", "09:00"))
    rolled = house.read(meter, "5", local("2026-10-01", "09:00"), rolled_over=True)
    later = house.read(meter, "10", local("2026-11-01", "09:00"))
    decide_reading(session, SECOND, rolled.id, "refused", "the photo shows 999995")
    with pytest.raises(InvalidError, match="less than the 999990"):
        decide_reading(session, SECOND, later.id, "confirmed")
    decide_reading(session, SECOND, later.id, "refused", "read it again")


def test_changing_a_meter_ends_one_and_begins_the_next(
    house: House, session: ScopedSession
) -> None:
    meter = house.hang(rack_id=house.racks[0].id, multiplier=40)
    house.confirm(meter, "10", local("2026-09-01", "09:00"))
    at = local("2026-09-10", "14:00")
    new = change_meter(
        session, READER, meter.id, LastReading("12", at, doubt_reason="x"),
        NextMeter("SN-2", "0.3", 5, 1, 30),
    )  # fmt: skip
    assert meter.removed_at == new.installed_at == at
    assert (new.rack_id, new.contract_item_id, new.multiplier) == (
        meter.rack_id, meter.contract_item_id, 30,
    )  # fmt: skip
    assert find_meter(session, READER, new.id).last_shown == "0.3"
    with pytest.raises(ConflictError, match="taken down"):
        end_meter(session, READER, meter.id, LastReading("13"))
    with pytest.raises(InvalidError, match="taken down"):
        house.read(meter, "13", at + dt.timedelta(hours=1))


def test_a_change_is_done_whole_or_not_at_all(house: House, session: ScopedSession) -> None:
    meter = house.hang()
    house.hang("SN-2", 1)
    with pytest.raises(ConflictError, match="SN-2 hangs elsewhere"):
        change_meter(
            session, READER, meter.id, LastReading("12", local("2026-09-10")),
            NextMeter("SN-2", "0", 6, 0, 1),
        )  # fmt: skip
    session.expire_all()
    assert meter.removed_at is None
    assert list_readings(session, READER).total == 0


def test_nothing_is_measured_twice(house: House, session: ScopedSession) -> None:
    breaker = house.pdus[0][0].parent
    assert breaker is not None
    house.hang("SN-1", power_node_id=breaker.id)
    others: tuple[dict[str, Any], ...] = (
        {"power_node_id": house.pdus[0][0].id},  # behind it
        {"rack_id": house.racks[0].id},  # whose PDU it feeds
        {"cabinet_id": house.cabinets[0].id},
        {},  # all of the item
        {"power_node_id": breaker.id, "contract_item_id": house.items[1].id},
    )
    for other in others:
        with pytest.raises(ConflictError, match="SN-1 measures this already"):
            house.hang("SN-2", **other)
    # The control: the other feed, and the other cabinet.
    house.hang("SN-2", power_node_id=house.pdus[0][1].id)
    house.hang("SN-3", 1)


def test_a_place_is_in_its_room(house: House, session: ScopedSession) -> None:
    other = Room(site_id=house.room.site_id, code="R2", name="二", name_en="Two")
    session.add(other)
    session.flush()
    places: tuple[dict[str, Any], ...] = (
        {"rack_id": house.racks[0].id},
        {"cabinet_id": house.cabinets[0].id},
        {"power_node_id": house.pdus[0][0].id},
    )
    for place in places:
        with pytest.raises(InvalidError, match="isn't in room R2"):
            house.hang(room_id=other.id, **place)
    with pytest.raises(InvalidError, match="one place"):
        house.hang(rack_id=house.racks[0].id, cabinet_id=house.cabinets[0].id)
    # A breaker in a panel may hang in any room of its site.
    house.hang(room_id=other.id, power_node_id=house.pdus[0][0].parent_id)


def test_customers_read_their_own_and_enter_nothing(house: House, session: ScopedSession) -> None:
    mine, other = house.hang(), house.hang("SN-2", 1)
    reading = house.confirm(mine, "1", local("2026-09-01", "09:00"))
    assert list_readings(session, house.own(0)).total == 1
    assert list_readings(session, house.own(1)).total == 0
    with pytest.raises(NotFoundError):
        find_reading(session, house.own(1), reading.id)
    with pytest.raises(NotFoundError):
        find_meter(session, house.own(0), other.id)
    with pytest.raises(ForbiddenError):
        enter_reading(session, house.own(0), NewReading(mine.id, "2"))


def test_what_staff_note_on_a_reading_is_not_for_customers(
    house: House, session: ScopedSession
) -> None:
    meter = house.hang(power_node_id=house.pdus[0][0].id)
    house.confirm(meter, "1000", local("2026-09-01", "09:00"))
    given = {"note": "key at the desk", "doubt_reason": "breaker at 110 %"}
    wrong = house.read(meter, "1180", local("2026-09-02", "09:00"), **given)
    decide_reading(session, SECOND, wrong.id, "refused", "the photo says 1130")
    right = house.read(meter, "1179", local("2026-09-02", "09:00"), **given)
    decide_reading(session, SECOND, right.id, "confirmed", "as on the photo")

    def told(scope: Scope, reading: MeterReading) -> tuple[str, ...]:
        row = find_reading(session, scope, reading.id)
        return row.note, row.doubt_reason, row.decision_note, row.decided_by

    assert told(house.own(), wrong) == ("", "", "", "")
    assert told(house.own(), right) == ("", "", "", "second@example.com")
    # The control: staff read all of it.
    assert told(SECOND, wrong) == (
        "key at the desk", "breaker at 110 %", "the photo says 1130", "second@example.com",
    )  # fmt: skip


def count_statements(session: ScopedSession, deed: Any) -> int:
    seen: list[str] = []
    connection = session.connection()

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        deed()
    finally:
        event.remove(connection, "before_cursor_execute", note)
    return len(seen)


def test_lists_cost_the_same_however_many_there_are(house: House, session: ScopedSession) -> None:
    now = local("2026-09-05")
    meters = [house.hang("SN-0", power_node_id=house.pdus[0][0].id)]
    house.read(meters[0], "1", local("2026-09-03"))

    def deeds() -> list[int]:
        return [
            count_statements(session, lambda: list_meter_rooms(session, READER, now)),
            count_statements(session, lambda: list_sheet(session, READER, house.room.id)),
            count_statements(session, lambda: list_readings(session, READER)),
        ]

    assert deeds() == [1, 1, 2]
    for number, node in enumerate((house.pdus[0][1], *house.pdus[1]), 1):
        meter = house.hang(f"SN-{number}", int(node.id in {n.id for n in house.pdus[1]}),
                           power_node_id=node.id, position=number)  # fmt: skip
        for hour in range(3):
            house.read(meter, str(hour), local("2026-09-03", f"0{hour}:00"))
    assert deeds() == [1, 1, 2]
    (room,) = list_meter_rooms(session, READER, now)
    assert (room.meters, room.read, room.waiting) == (4, 4, 10)
    sheet = list_sheet(session, READER, house.room.id)
    assert [row.serial for row in sheet] == ["SN-0", "SN-1", "SN-2", "SN-3"]
    assert [row.last_shown for row in sheet] == ["1.0", "2.0", "2.0", "2.0"]
    assert list_readings(session, READER, ReadingFilter(meter_id=meters[0].id)).total == 1


def test_a_meter_with_readings_stays(house: House, session: ScopedSession) -> None:
    meter = house.hang()
    house.read(meter, "1", local("2026-09-03"))
    with pytest.raises(ConflictError):
        delete_record(session, READER, METER, meter.id, kinds=KINDS)
    delete_record(session, READER, METER, house.hang("SN-2", 1).id, kinds=KINDS)
    assert [one.serial for one in session.scalars(select(Meter))] == ["SN-1"]
    assert session.scalars(select(MeterReading)).all()


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "2026-09-01T00:00", "soon", 7]
)
def test_a_time_that_no_clock_shows_is_refused(house: House, at: object) -> None:
    with pytest.raises(InvalidError):
        house.hang(installed_at=at)
