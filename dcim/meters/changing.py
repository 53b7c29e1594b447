"""The end of a meter: taken down with its last reading, and the next one hung up with its first."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, InvalidError
from dcim.meters.entering import NewReading, Photo, enter_reading, lock_meter
from dcim.meters.kinds import METER
from dcim.meters.models import PLACES, Meter
from dcim.records.writing import create_record


@dataclass(frozen=True, slots=True)
class LastReading:
    """What stood on a meter at `at`, when it was taken down; None is now."""

    value: str
    at: dt.datetime | None = None
    rolled_over: bool = False
    doubt_reason: str = ""
    photo: Photo | None = None


@dataclass(frozen=True, slots=True)
class NextMeter:
    """The meter in its place; `value` is what stood on it when it was hung up."""

    serial: str
    value: str
    digits: int
    decimals: int
    multiplier: int
    photo: Photo | None = None


def end_meter(session: Session, scope: Scope, meter_id: int, last: LastReading) -> Meter:
    """Take a meter down. Its last reading waits for a second person like any other.

    Raises NotFoundError, ConflictError for one that is down already, InvalidError.
    """
    meter = lock_meter(session, scope, meter_id)
    if meter.removed_at is not None:
        raise ConflictError(
            "Meter %(serial)s was taken down at %(at)s already.",
            serial=meter.serial,
            at=f"{meter.removed_at:%Y-%m-%d %H:%M} UTC",
        )
    at = last.at or utc_now()
    if at <= meter.installed_at:
        raise InvalidError("A meter is taken down after it was hung up.", {"at": ["too early"]})
    reading = enter_reading(
        session,
        scope,
        NewReading(
            meter_id,
            last.value,
            at,
            rolled_over=last.rolled_over,
            doubt_reason=last.doubt_reason,
            photo=last.photo,
        ),
    )
    if "not_newest" in reading.doubts:
        raise InvalidError(
            "Meter %(serial)s was read later than that; it hung there still.",
            {"at": ["before the last reading"]},
            serial=meter.serial,
        )
    meter.removed_at = at
    session.flush()
    record(
        session,
        scope,
        "meter.end",
        METER.subject(meter.id),
        customer_id=meter.customer_id,
        at=at.isoformat(),
        value=meter.register.write(reading.value),
    )
    return meter


def change_meter(
    session: Session, scope: Scope, meter_id: int, last: LastReading, new: NextMeter
) -> Meter:
    """End a meter and begin the next at the same place, for the same item, at the same instant.

    Raises what `end_meter`, entering a meter and entering a reading raise; then nothing is done.
    """
    at = last.at or utc_now()
    with session.begin_nested():
        old = end_meter(
            session,
            scope,
            meter_id,
            LastReading(last.value, at, last.rolled_over, last.doubt_reason, last.photo),
        )
        made = create_record(
            session,
            scope,
            METER,
            {
                "serial": new.serial,
                "name": old.name,
                "contract_item_id": old.contract_item_id,
                "room_id": old.room_id,
                **{name: getattr(old, name) for name in PLACES},
                "position": old.position,
                "digits": new.digits,
                "decimals": new.decimals,
                "multiplier": new.multiplier,
                "installed_at": at,
            },
        )
        enter_reading(session, scope, NewReading(made.id, new.value, at, photo=new.photo))
    return session.get_one(Meter, made.id)
