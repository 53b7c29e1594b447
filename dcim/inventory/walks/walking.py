"""Walking through cabinets: begin, note what is found, certify. Nothing here changes the inventory.

Each note is kept at once, so a walk that is interrupted goes on where it stopped, on any phone.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.audit import record
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Cabinet, Rack
from dcim.inventory.numbering import name_units
from dcim.inventory.space.contents import InstalledRow, list_installed
from dcim.inventory.space.occupancy import Space, find_installed
from dcim.inventory.walks.checklist import Checklist, Door, Finding, Standing, draw_checklist
from dcim.inventory.walks.models import CabinetWalk, WalkFinding

LINE_VERDICTS = ("as_recorded", "absent", "other")
LONGEST_NAME = 255
LONGEST_NOTE = 4000


@dataclass(frozen=True, slots=True)
class WalkReading:
    walk: CabinetWalk
    checklist: Checklist


@dataclass(frozen=True, slots=True)
class LastWalk:
    """The newest certified walk of a cabinet, and the one that is under way, if any."""

    walk_id: int | None = None
    finished_at: dt.datetime | None = None
    finished_by: str = ""
    checked: int = 0
    differences: int = 0
    open_id: int | None = None
    open_since: dt.datetime | None = None
    open_by: str = ""


def start_walk(
    session: Session, scope: Scope, cabinet_id: int, *, now: dt.datetime | None = None
) -> CabinetWalk:
    """The cabinet's open walk, begun now if there is none. Raises NotFoundError."""
    _require_staff(scope)
    cabinet = session.scalar(
        select(Cabinet).where(Cabinet.id == cabinet_id).with_for_update(key_share=True)
    )
    if cabinet is None:
        raise NotFoundError("No such cabinet.")
    found = session.scalar(
        select(CabinetWalk).where(
            CabinetWalk.cabinet_id == cabinet_id, CabinetWalk.finished_at.is_(None)
        )
    )
    if found is not None:
        return found
    walk = CabinetWalk(
        cabinet_id=cabinet_id,
        started_at=now or utc_now(),
        started_by=scope.actor,
        finished_by="",
        note="",
    )
    session.add(walk)
    session.flush()
    record(session, scope, "walk.start", f"cabinet/{cabinet_id}", walk=walk.id)
    return walk


def read_walk(session: Session, scope: Scope, walk: CabinetWalk) -> WalkReading:
    """The walk with its checklist as the inventory is now. A fixed number of statements."""
    _require_staff(scope)
    racks = session.scalars(
        select(Rack).where(Rack.cabinet_id == walk.cabinet_id).order_by(Rack.position, Rack.id)
    ).all()
    installed = list_installed(session, scope, [rack.id for rack in racks])
    noted = session.scalars(
        select(WalkFinding).where(WalkFinding.walk_id == walk.id).order_by(WalkFinding.id)
    ).all()
    return WalkReading(walk, make_checklist(racks, installed, noted))


def make_checklist(
    racks: Sequence[Rack], installed: Sequence[InstalledRow], noted: Sequence[WalkFinding]
) -> Checklist:
    return draw_checklist(
        [Door(rack.id, rack.code, rack.u_count) for rack in racks],
        [
            Standing(
                device_id=one.device_id,
                name=one.name,
                serial=one.serial or "",
                model=one.model,
                owner=one.customer_name or "",
                rack_id=one.rack_id,
                u_low=one.u_low,
                height=one.height,
                face=one.face,
                side=one.side,
            )
            for one in installed
        ],
        [read_finding(one) for one in noted],
    )


def read_finding(one: WalkFinding) -> Finding:
    return Finding(
        id=one.id,
        subject=one.subject,
        rack_id=one.rack_id,
        rack=one.rack,
        u_low=one.u_low,
        height=one.height,
        face=one.face,
        side=one.side,
        expected=one.expected,
        found=one.found,
        verdict=one.verdict,
        note=one.note,
        at=one.noted_at,
        by=one.noted_by,
    )


def note_line(
    session: Session,
    scope: Scope,
    walk_id: int,
    device_id: int,
    *,
    verdict: str,
    found: str = "",
    note: str = "",
    now: dt.datetime | None = None,
) -> WalkFinding:
    """What stands where this device should; a second note of the same line replaces the first.

    Raises NotFoundError when the device doesn't stand in this cabinet (any more), InvalidError,
    ConflictError after the walk was certified.
    """
    _require_staff(scope)
    walk = lock_walk(session, walk_id)
    if verdict not in LINE_VERDICTS:
        raise InvalidError("Choose what you found.", {"verdict": ["unknown"]})
    if verdict == "other" and not found:
        raise InvalidError("Write what stands there instead.", {"found": ["required"]})
    _check_texts(found, note)
    rows = list_installed(session, scope, _rack_ids(session, walk))
    line = next((one for one in rows if one.device_id == device_id), None)
    if line is None:
        raise NotFoundError("This device is no longer recorded in this cabinet.")
    rack = session.get_one(Rack, line.rack_id)
    finding = session.scalar(
        select(WalkFinding).where(
            WalkFinding.walk_id == walk.id, WalkFinding.subject == f"device/{device_id}"
        )
    )
    if finding is None:
        finding = WalkFinding(walk_id=walk.id, subject=f"device/{device_id}")
        session.add(finding)
    finding.rack_id, finding.rack = rack.id, rack.code
    finding.u_low, finding.height = line.u_low, line.height
    finding.face, finding.side = line.face, line.side
    marks = " · ".join(part for part in (line.name, line.serial) if part)
    finding.expected = marks[:LONGEST_NAME]
    finding.verdict = verdict
    finding.found = found if verdict == "other" else ""
    finding.note = note
    _sign(session, scope, walk, finding, now)
    return finding


def note_extra(
    session: Session,
    scope: Scope,
    walk_id: int,
    rack_id: int,
    *,
    u_low: int,
    height: int,
    face: str = "full",
    found: str,
    note: str = "",
    now: dt.datetime | None = None,
) -> WalkFinding:
    """Something stands where nothing is recorded. Raises InvalidError where something is."""
    _require_staff(scope)
    walk = lock_walk(session, walk_id)
    rack = session.get(Rack, rack_id)
    if rack is None or rack.cabinet_id != walk.cabinet_id:
        raise NotFoundError("There is no such rack.")
    if face not in ("front", "rear", "full"):
        raise InvalidError("Choose a face.", {"face": ["unknown"]})
    if not found:
        raise InvalidError("Write what stands there.", {"found": ["required"]})
    _check_texts(found, note)
    space = Space(u_low, height, ("front", "rear") if face == "full" else (face,))
    if height <= 0 or u_low < 0 or u_low + height > 2 * rack.u_count:
        raise InvalidError(
            "%(where)s does not fit into %(rack)s, which has %(count)s U.",
            {"u_low": ["out of range"]},
            where=name_units(rack, u_low, height),
            rack=rack.code,
            count=rack.u_count,
        )
    for standing in find_installed(session, rack, space):
        raise InvalidError(
            "%(device)s is recorded there: mark its line instead.",
            {"u_low": ["taken"]},
            device=standing.name,
        )
    finding = WalkFinding(
        walk_id=walk.id,
        rack_id=rack.id,
        rack=rack.code,
        subject="",
        u_low=u_low,
        height=height,
        face=face,
        side="full",
        expected="",
        found=found,
        verdict="extra",
        note=note,
    )
    session.add(finding)
    _sign(session, scope, walk, finding, now)
    return finding


def drop_finding(session: Session, scope: Scope, walk_id: int, finding_id: int) -> None:
    """Take a note back: its line is open again. Raises NotFoundError, ConflictError."""
    _require_staff(scope)
    walk = lock_walk(session, walk_id)
    finding = session.get(WalkFinding, finding_id)
    if finding is None or finding.walk_id != walk.id:
        raise NotFoundError("This note is gone already.")
    record(
        session,
        scope,
        "walk.drop",
        f"cabinet/{walk.cabinet_id}",
        walk=walk.id,
        of=finding.subject or None,
        verdict=finding.verdict,
    )
    session.delete(finding)
    session.flush()


def finish_walk(
    session: Session,
    scope: Scope,
    walk_id: int,
    *,
    note: str = "",
    now: dt.datetime | None = None,
) -> WalkReading:
    """Certify: every line was looked at. Raises ConflictError naming how many were not."""
    _require_staff(scope)
    walk = lock_walk(session, walk_id)
    _check_texts("", note)
    reading = read_walk(session, scope, walk)
    if reading.checklist.open:
        raise ConflictError(
            "%(count)s places have not been looked at yet.", count=reading.checklist.open
        )
    walk.finished_at = now or utc_now()
    walk.finished_by = scope.actor
    walk.note = note
    session.flush()
    record(
        session,
        scope,
        "walk.certify",
        f"cabinet/{walk.cabinet_id}",
        walk=walk.id,
        checked=reading.checklist.checked,
        differences=len(reading.checklist.differing),
    )
    return reading


def find_walk(session: Session, scope: Scope, walk_id: int) -> CabinetWalk:
    walk = session.get(CabinetWalk, walk_id)
    if walk is None or not scope.is_staff:
        raise NotFoundError("No such walk.")
    return walk


def find_open_walk(session: Session, scope: Scope, cabinet_id: int) -> CabinetWalk | None:
    _require_staff(scope)
    return session.scalar(
        select(CabinetWalk).where(
            CabinetWalk.cabinet_id == cabinet_id, CabinetWalk.finished_at.is_(None)
        )
    )


def find_last_walks(
    session: Session, scope: Scope, cabinet_ids: Sequence[int] | None = None
) -> dict[int, LastWalk]:
    """By cabinet, for those that were ever walked through. One statement."""
    _require_staff(scope)
    counts = (
        select(
            WalkFinding.walk_id,
            func.count().label("checked"),
            func.count().filter(WalkFinding.verdict != "as_recorded").label("differences"),
        )
        .group_by(WalkFinding.walk_id)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=(CabinetWalk.cabinet_id, CabinetWalk.finished_at.is_(None)),
        order_by=(CabinetWalk.finished_at.desc(), CabinetWalk.id.desc()),
    )
    newest = select(CabinetWalk.id, place.label("place"))
    if cabinet_ids is not None:
        newest = newest.where(CabinetWalk.cabinet_id.in_(cabinet_ids))
    ranked = newest.subquery()
    rows = session.execute(
        select(
            CabinetWalk,
            func.coalesce(counts.c.checked, 0),
            func.coalesce(counts.c.differences, 0),
        )
        .join(ranked, ranked.c.id == CabinetWalk.id)
        .outerjoin(counts, counts.c.walk_id == CabinetWalk.id)
        .where(ranked.c.place == 1)
    ).all()
    certified = {walk.cabinet_id: (walk, n, d) for walk, n, d in rows if walk.finished_at}
    opened = {walk.cabinet_id: walk for walk, _, _ in rows if walk.finished_at is None}
    found: dict[int, LastWalk] = {}
    for cabinet_id in certified.keys() | opened.keys():
        done, checked, differences = certified.get(cabinet_id, (None, 0, 0))
        begun = opened.get(cabinet_id)
        found[cabinet_id] = LastWalk(
            walk_id=done.id if done else None,
            finished_at=done.finished_at if done else None,
            finished_by=done.finished_by if done else "",
            checked=checked,
            differences=differences,
            open_id=begun.id if begun else None,
            open_since=begun.started_at if begun else None,
            open_by=begun.started_by if begun else "",
        )
    return found


def lock_walk(session: Session, walk_id: int) -> CabinetWalk:
    """The open walk, locked: two phones on one cabinet note one after the other."""
    walk = session.scalar(select(CabinetWalk).where(CabinetWalk.id == walk_id).with_for_update())
    if walk is None:
        raise NotFoundError("No such walk.")
    if walk.finished_at is not None:
        raise ConflictError(
            "%(person)s certified this cabinet already; begin a new walk.", person=walk.finished_by
        )
    return walk


def _sign(
    session: Session,
    scope: Scope,
    walk: CabinetWalk,
    finding: WalkFinding,
    now: dt.datetime | None,
) -> None:
    finding.noted_at, finding.noted_by = now or utc_now(), scope.actor
    session.flush()
    record(
        session,
        scope,
        "walk.note",
        f"cabinet/{walk.cabinet_id}",
        walk=walk.id,
        of=finding.subject or None,
        rack=finding.rack,
        u_low=finding.u_low,
        verdict=finding.verdict,
        found=finding.found or None,
    )


def _rack_ids(session: Session, walk: CabinetWalk) -> list[int]:
    return list(session.scalars(select(Rack.id).where(Rack.cabinet_id == walk.cabinet_id)))


def _check_texts(found: str, note: str) -> None:
    if len(found) > LONGEST_NAME or len(note) > LONGEST_NOTE:
        raise InvalidError("This text is too long.", {"note": ["too long"]})


def _require_staff(scope: Scope) -> None:
    if not scope.is_staff:
        raise ForbiddenError("Only staff walk through cabinets.")
