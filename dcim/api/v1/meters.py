"""Meters read by hand: what was read, a second person's word, the end and the change of a meter."""

from typing import Any

from marshmallow import Schema, fields

from dcim.api.fields import Flag, Instant, PageQuery, Text, Whole, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.api.v1.cross_connects import decode_base64
from dcim.http.database import current_scope, db_session
from dcim.metering.registers import MOST_DECIMALS, MOST_DIGITS, MOST_MULTIPLIER
from dcim.meters.changing import LastReading, NextMeter, change_meter, end_meter
from dcim.meters.entering import DECISIONS, NewReading, Photo, decide_reading, enter_reading
from dcim.meters.models import READING_STATES
from dcim.meters.queries import (
    MeterReadingRow,
    MeterRow,
    ReadingFilter,
    find_meter,
    find_reading,
    list_readings,
)
from dcim.network.files import LARGEST

meters = Resource("meters", "Meters read by hand", prefix="meters")
meter_readings = Resource("meter_readings", "Readings of meters", prefix="meter-readings")

SHOWN = {"description": "As it stands on the register: 004567.8"}


def photo_field() -> fields.String:
    return fields.String(
        allow_none=True,
        load_default=None,
        metadata={"description": "PNG or JPEG, base64, at most 7 MB.", "format": "byte"},
    )


class ReadingQuery(PageQuery):
    meter_id = query_id()
    customer_id = query_id()
    room_id = query_id()
    state = choice(READING_STATES)


class NewMeterReading(Schema):
    meter_id = Whole(required=True)
    value = Text(high=20, required=True, metadata=SHOWN)
    read_at = Instant(allow_none=True, load_default=None, metadata={"description": "Default: now."})
    rolled_over = Flag(
        load_default=False, metadata={"description": "The register began again at 0."}
    )
    estimate_reason = Text(
        low=0,
        high=4000,
        load_default="",
        metadata={"description": "Why nobody could read it; not empty marks an estimate."},
    )
    doubt_reason = Text(
        low=0,
        high=4000,
        load_default="",
        metadata={"description": "Why it holds although something speaks against it."},
    )
    note = Text(low=0, high=4000, load_default="")
    photo = photo_field()
    corrects_id = Whole(allow_none=True, load_default=None)


class MeterReadingDecision(Schema):
    state = choice(DECISIONS, required=True)
    note = Text(low=0, high=4000, load_default="")


class MeterEnd(Schema):
    value = Text(high=20, required=True, metadata=SHOWN)
    at = Instant(allow_none=True, load_default=None, metadata={"description": "Default: now."})
    rolled_over = Flag(load_default=False)
    doubt_reason = Text(low=0, high=4000, load_default="")
    photo = photo_field()


class NewMeterInPlace(Schema):
    serial = Text(high=64, required=True)
    value = Text(high=20, required=True, metadata=SHOWN)
    digits = Whole(3, MOST_DIGITS, load_default=6)
    decimals = Whole(0, MOST_DECIMALS, load_default=0)
    multiplier = Whole(1, MOST_MULTIPLIER, load_default=1)
    photo = photo_field()


class MeterChange(Schema):
    last = fields.Nested(MeterEnd, required=True)
    new = fields.Nested(NewMeterInPlace, required=True)


@meter_readings.get("")
@meter_readings.arguments(ReadingQuery, location="query")
@meter_readings.response(200, page_of(MeterReadingRow))
def list_meter_readings(query: dict[str, Any]) -> Any:
    """List readings, newest first; a customer's are those of its own meters, without the notes of
    staff and who refused one."""
    paging = take_paging(query)
    return list_readings(db_session(), current_scope(), ReadingFilter(**query), paging)


@meter_readings.get("/<int:meter_reading_id>")
@meter_readings.response(200, answer_of(MeterReadingRow))
def show_meter_reading(meter_reading_id: int) -> Any:
    """Show one reading; its photo is the stored file `photo_id`."""
    return find_reading(db_session(), current_scope(), meter_reading_id)


@meter_readings.post("")
@meter_readings.arguments(NewMeterReading)
@meter_readings.response(201, answer_of(MeterReadingRow))
def create_meter_reading(body: dict[str, Any]) -> Any:
    """Enter what was read. What can't be is refused with the numbers; what is odd wants a
    `doubt_reason`. It counts when a second person has confirmed it."""
    session, scope = db_session(), current_scope()
    body["photo"] = take_photo(body["photo"])
    reading = enter_reading(session, scope, NewReading(**body))
    return find_reading(session, scope, reading.id)


@meter_readings.put("/<int:meter_reading_id>/decision")
@meter_readings.arguments(MeterReadingDecision)
@meter_readings.response(200, answer_of(MeterReadingRow))
def decide_meter_reading(body: dict[str, Any], meter_reading_id: int) -> Any:
    """Confirm or refuse a reading that somebody else entered."""
    session, scope = db_session(), current_scope()
    decide_reading(session, scope, meter_reading_id, **body)
    return find_reading(session, scope, meter_reading_id)


@meters.post("/<int:meter_id>/end")
@meters.arguments(MeterEnd)
@meters.response(200, answer_of(MeterRow))
def end_meter_here(body: dict[str, Any], meter_id: int) -> Any:
    """Take a meter down with its last reading."""
    session, scope = db_session(), current_scope()
    body["photo"] = take_photo(body["photo"])
    end_meter(session, scope, meter_id, LastReading(**body))
    return find_meter(session, scope, meter_id)


@meters.post("/<int:meter_id>/change")
@meters.arguments(MeterChange)
@meters.response(201, answer_of(MeterRow))
def change_meter_here(body: dict[str, Any], meter_id: int) -> Any:
    """Take a meter down and hang up the next in its place, both with what stands on them."""
    session, scope = db_session(), current_scope()
    for part in body.values():
        part["photo"] = take_photo(part["photo"])
    new = change_meter(
        session, scope, meter_id, LastReading(**body["last"]), NextMeter(**body["new"])
    )
    return find_meter(session, scope, new.id)


def take_photo(content: str | None) -> Photo | None:
    return None if content is None else Photo("photo", decode_base64(content, LARGEST))
