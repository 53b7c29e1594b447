"""Entering what was read, correcting it, and a second person's word on it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Rack
from dcim.metering.registers import Register, RegisterError, RegisterReading
from dcim.meters.doubts import DoubtsError, refuse_impossible
from dcim.meters.models import Meter, MeterReading, stands
from dcim.meters.plausibility import Around, Judgement, judge_reading
from dcim.network.files import keep_file
from dcim.power.chain import Surroundings, load_tree

DECISIONS = ("confirmed", "refused")


@dataclass(frozen=True, slots=True)
class Photo:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NewReading:
    """`value` as it stands on the register; `read_at` None is now. `doubt_reason` is why it holds
    although something speaks against it, `estimate_reason` why nobody could read it."""

    meter_id: int
    value: str
    read_at: dt.datetime | None = None
    rolled_over: bool = False
    estimate_reason: str = ""
    doubt_reason: str = ""
    note: str = ""
    photo: Photo | None = None
    corrects_id: int | None = None


def enter_reading(
    session: Session, scope: Scope, wanted: NewReading, now: dt.datetime | None = None
) -> MeterReading:
    """Keep a reading until a second person confirms it.

    Raises NotFoundError, InvalidError for what can't be, DoubtsError for what wants a reason,
    ConflictError for a reading that is corrected already.
    """
    now = now or utc_now()
    meter = lock_meter(session, scope, wanted.meter_id)
    corrected = _find_corrected(session, meter, wanted.corrects_id)
    read_at = wanted.read_at or (corrected.read_at if corrected is not None else now)
    value = read_value(meter.register, wanted.value)
    new = RegisterReading(
        to_epoch(read_at), value, wanted.rolled_over, bool(wanted.estimate_reason.strip())
    )
    judged = _judge(session, meter, new, now, wanted.corrects_id)
    zone = meter.room.site.timezone
    if judged.impossible:
        raise refuse_impossible(judged.impossible, meter.register, zone)
    if judged.warnings and not wanted.doubt_reason.strip():
        raise DoubtsError(judged.warnings, meter.register, zone)
    photo = None
    if wanted.photo is not None:
        photo = keep_file(
            session,
            scope,
            meter.customer_id,
            name=wanted.photo.name,
            content=wanted.photo.content,
            kind="photo",
            at=now,
        )
    reading = MeterReading(
        customer_id=meter.customer_id,
        meter_id=meter.id,
        read_at=read_at,
        value=value,
        rolled_over=wanted.rolled_over,
        estimated=new.estimated,
        estimate_reason=wanted.estimate_reason.strip(),
        doubts=[doubt.kind for doubt in judged.warnings],
        doubt_reason=wanted.doubt_reason.strip() if judged.warnings else "",
        note=wanted.note.strip(),
        photo_id=None if photo is None else photo.id,
        photo_sha256=None if photo is None else photo.sha256,
        corrects_id=wanted.corrects_id,
        entered_at=now,
        read_by=scope.actor,
    )
    session.add(reading)
    session.flush()
    record(
        session,
        scope,
        "meter-reading.enter",
        f"meter-reading/{reading.id}",
        customer_id=meter.customer_id,
        meter=meter.serial,
        read_at=read_at.isoformat(),
        value=meter.register.write(value),
        doubts=", ".join(reading.doubts),
        reason=reading.doubt_reason or reading.estimate_reason,
        corrects=wanted.corrects_id,
        photo=reading.photo_sha256,
    )
    return reading


def decide_reading(
    session: Session, scope: Scope, reading_id: int, state: str, note: str = ""
) -> MeterReading:
    """Confirm or refuse, once, as somebody other than who read it.

    Raises NotFoundError, ForbiddenError for who read it and for customers, ConflictError for one
    that is decided, InvalidError for a refusal without a reason and for a value that can't be any
    more (another one beside it was refused or corrected meanwhile).
    """
    if state not in DECISIONS:
        raise InvalidError("A reading is confirmed or refused.", {"state": list(DECISIONS)})
    found = session.get(MeterReading, reading_id)
    if found is None:
        raise NotFoundError("No such reading.")
    meter = lock_meter(session, scope, found.meter_id)
    session.refresh(found, with_for_update=True)
    if found.state != "entered":
        raise ConflictError(
            "%(person)s has decided this reading at %(at)s.",
            person=found.decided_by,
            at=f"{found.decided_at:%Y-%m-%d %H:%M} UTC",
        )
    if found.read_by.lower() == scope.actor.lower():
        raise ForbiddenError("You read this meter yourself; a second person confirms it.")
    if state == "refused" and not note.strip():
        raise InvalidError("Say why: who reads it again needs it.", {"note": ["missing"]})
    now = utc_now()
    if state == "confirmed":
        new = as_register_reading(found)
        judged = _judge(session, meter, new, now, found.corrects_id, own_id=found.id)
        if judged.impossible:
            raise refuse_impossible(judged.impossible, meter.register, meter.room.site.timezone)
    found.state, found.decision_note = state, note.strip()
    found.decided_by, found.decided_at = scope.actor, now
    session.flush()
    record(
        session,
        scope,
        "meter-reading.decide",
        f"meter-reading/{found.id}",
        customer_id=found.customer_id,
        meter=meter.serial,
        value=meter.register.write(found.value),
        read_by=found.read_by,
        state=state,
        reason=found.decision_note,
    )
    return found


def lock_meter(session: Session, scope: Scope, meter_id: int) -> Meter:
    """One reading of a meter at a time is judged. Raises NotFoundError, ForbiddenError."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff read meters.")
    meter = session.scalar(
        scope.apply(select(Meter).where(Meter.id == meter_id), Meter.customer_id).with_for_update(
            of=Meter
        )
    )
    if meter is None:
        raise NotFoundError("No such meter.")
    return meter


def read_value(register: Register, text: str) -> int:
    """Steps of what was typed. Raises InvalidError that says what the register can show."""
    try:
        return register.read(text)
    except RegisterError as error:
        raise InvalidError(
            "%(value)s can't stand on this meter: it shows %(digits)s digits before the point and"
            " %(decimals)s behind it. Type the number as it stands there.",
            {"value": [str(error)]},
            value=text[:40] or "–",
            digits=register.digits,
            decimals=register.decimals,
        ) from error


def standing_readings(session: Session, meter_ids: Sequence[int]) -> list[MeterReading]:
    """Neither refused nor corrected, in order of time. One statement."""
    return list(
        session.scalars(
            select(MeterReading)
            .where(MeterReading.meter_id.in_(meter_ids), stands(MeterReading))
            .order_by(MeterReading.read_at, MeterReading.id)
        )
    )


def as_register_reading(reading: MeterReading) -> RegisterReading:
    return RegisterReading(
        to_epoch(reading.read_at), reading.value, reading.rolled_over, reading.estimated
    )


def to_epoch(moment: dt.datetime) -> int:
    """UTC epoch ms, exactly."""
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)


def _find_corrected(session: Session, meter: Meter, corrects_id: int | None) -> MeterReading | None:
    if corrects_id is None:
        return None
    found = session.scalar(
        select(MeterReading).where(
            MeterReading.id == corrects_id, MeterReading.meter_id == meter.id
        )
    )
    if found is None:
        raise NotFoundError("No such reading.")
    if found.state == "refused":
        raise ConflictError("This reading was refused: enter a new one, it corrects nothing.")
    other = session.scalar(
        select(MeterReading).where(
            MeterReading.corrects_id == corrects_id, MeterReading.state != "refused"
        )
    )
    if other is not None:
        raise ConflictError(
            "%(person)s has corrected this reading already; correct that one.",
            person=other.read_by,
        )
    return found


def _judge(
    session: Session,
    meter: Meter,
    new: RegisterReading,
    now: dt.datetime,
    corrects_id: int | None,
    own_id: int | None = None,
) -> Judgement:
    hidden = {corrects_id, own_id}
    around = Around(
        readings=[
            as_register_reading(one)
            for one in standing_readings(session, [meter.id])
            if one.id not in hidden
        ],
        installed=to_epoch(meter.installed_at),
        removed=None if meter.removed_at is None else to_epoch(meter.removed_at),
        rated_mw=rate_meter(session, meter),
        now=to_epoch(now),
    )
    return judge_reading(meter.register, new, around)


def rate_meter(session: Session, meter: Meter) -> int | None:
    """What can flow through it, V x A x phases in mW: of its breaker, or of the PDUs behind it.

    None where no place is recorded that could tell.
    """
    racks = [meter.rack_id] if meter.rack_id is not None else []
    if meter.cabinet_id is not None:
        racks = list(session.scalars(select(Rack.id).where(Rack.cabinet_id == meter.cabinet_id)))
    nodes = [meter.power_node_id] if meter.power_node_id is not None else []
    if not racks and not nodes:
        return None
    tree = load_tree(session, around=Surroundings(rack_ids=racks, node_ids=nodes))
    rated = [
        node.phase_v * node.rated_a * node.phases * 1000
        for node in tree.nodes.values()
        if node.id in nodes or (node.kind == "pdu" and node.rack_id in racks)
    ]
    return sum(rated) or None
