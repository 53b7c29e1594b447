"""The checklist of a walk through a cabinet: what should stand where, and what was found. Pure."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FACE_ORDER = {"front": 0, "full": 1, "rear": 2}
SIDE_ORDER = {"left": 0, "full": 1, "right": 2}


@dataclass(frozen=True, slots=True)
class Door:
    """A rack of the cabinet. Places count from its bottom, however its units are printed."""

    rack_id: int
    code: str
    u_count: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A device as it is recorded; half units from the bottom, `u_low` none on a side rail."""

    device_id: int
    name: str
    serial: str
    model: str
    owner: str
    rack_id: int
    u_low: int | None
    height: int
    face: str = "full"
    side: str = "full"

    @property
    def subject(self) -> str:
        return f"device/{self.device_id}"

    @property
    def place(self) -> tuple[int | None, int | None, str, str]:
        return self.rack_id, self.u_low, self.face, self.side


@dataclass(frozen=True, slots=True)
class Finding:
    """What was noted at a place; verdict is as_recorded, absent, other or extra."""

    id: int
    subject: str
    rack_id: int | None
    rack: str
    u_low: int | None
    height: int
    face: str
    side: str
    expected: str
    found: str
    verdict: str
    note: str
    at: dt.datetime
    by: str

    @property
    def differs(self) -> bool:
        return self.verdict != "as_recorded"

    @property
    def place(self) -> tuple[int | None, int | None, str, str]:
        return self.rack_id, self.u_low, self.face, self.side


@dataclass(frozen=True, slots=True)
class Line:
    standing: Standing
    finding: Finding | None = None

    @property
    def is_checked(self) -> bool:
        return self.finding is not None


@dataclass(frozen=True, slots=True)
class Part:
    """One door's lines, from the top of the door to its bottom, the side rails last."""

    door: Door
    lines: tuple[Line, ...]

    @property
    def checked(self) -> int:
        return sum(line.is_checked for line in self.lines)


@dataclass(frozen=True, slots=True)
class Checklist:
    """`loose` are findings without a line: what stood where nothing should, and what has left or
    moved since it was noted."""

    parts: tuple[Part, ...]
    loose: tuple[Finding, ...]

    @property
    def lines(self) -> list[Line]:
        return [line for part in self.parts for line in part.lines]

    @property
    def total(self) -> int:
        return len(self.lines)

    @property
    def checked(self) -> int:
        return sum(part.checked for part in self.parts)

    @property
    def open(self) -> int:
        return self.total - self.checked

    @property
    def differing(self) -> list[Finding]:
        """In the order of the list, then the loose ones."""
        noted = [line.finding for line in self.lines if line.finding is not None]
        return [one for one in (*noted, *self.loose) if one.differs]

    @property
    def agreeing(self) -> int:
        return sum(1 for line in self.lines if line.finding and not line.finding.differs)


def draw_checklist(
    doors: Sequence[Door], standing: Iterable[Standing], findings: Iterable[Finding]
) -> Checklist:
    """Every device once, at the door it stands in, from the top down.

    A finding counts for a line only while the device stands where it stood when it was noted: a
    device moved since has to be looked at again.
    """
    noted = {one.subject: one for one in findings if one.subject}
    loose = [one for one in findings if not one.subject]
    used: set[str] = set()
    by_rack: dict[int, list[Line]] = {door.rack_id: [] for door in doors}
    for one in standing:
        if one.rack_id not in by_rack:
            continue
        finding = noted.get(one.subject)
        if finding is not None and finding.place == one.place:
            used.add(one.subject)
        else:
            finding = None
        by_rack[one.rack_id].append(Line(one, finding))
    loose += [one for subject, one in noted.items() if subject not in used and one.differs]
    return Checklist(
        parts=tuple(
            Part(door, tuple(sorted(by_rack[door.rack_id], key=lambda line: _order(door, line))))
            for door in doors
        ),
        loose=tuple(sorted(loose, key=lambda one: one.id)),
    )


def _order(door: Door, line: Line) -> tuple[int, int, int, int, int]:
    one = line.standing
    if one.u_low is None:
        return 1, 0, 0, SIDE_ORDER[one.side], one.device_id
    from_top = 2 * door.u_count - one.u_low - one.height
    return 0, from_top, FACE_ORDER[one.face], SIDE_ORDER[one.side], one.device_id
