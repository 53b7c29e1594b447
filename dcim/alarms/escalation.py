"""Pure: who is on call at an instant, and which steps of an escalation are due by then.

Instants are UTC epoch ms and stretches half-open; people are the caller's own ids.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY = dt.timedelta(days=1)
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Rotation:
    """People in turn, each for so many days. Duty is handed over at a wall-clock time of a zone:
    a duty day runs from that time of its date to that of the next, be it 23, 24 or 25 hours.

    The first turn begins on `first_day`; on `ends_on` nobody takes over any more. A handover that
    the clocks skip comes as much later as they are put forward; of one that they repeat the first
    counts. Raises ValueError for no people, and for turns of less than a day.
    """

    people: tuple[int, ...]
    first_day: dt.date
    handover: dt.time
    timezone: str
    days: int = 7
    ends_on: dt.date | None = None

    def __post_init__(self) -> None:
        if not self.people or self.days < 1:
            raise ValueError("a rotation has people, and turns of a day at least")

    def begins_at(self, day: dt.date) -> int:
        """When the duty day of this date begins."""
        at = dt.datetime.combine(day, self.handover.replace(tzinfo=None, fold=0))
        return round(at.replace(tzinfo=ZoneInfo(self.timezone)).timestamp() * 1000)

    def day_of(self, at: int) -> dt.date:
        """The date whose duty day the instant lies in."""
        local = dt.datetime.fromtimestamp(at / 1000, ZoneInfo(self.timezone)).date()
        # Clocks that jump, even over a whole date, move this by a day at most.
        day = local + DAY
        while self.begins_at(day) > at:
            day -= DAY
        return day

    def person_of(self, day: dt.date) -> int | None:
        if day < self.first_day or (self.ends_on is not None and day >= self.ends_on):
            return None
        turn = (day - self.first_day).days // self.days
        return self.people[turn % len(self.people)]


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in from `start` to `end`. Raises ValueError when that is no time at all."""

    person: int
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("an override ends after it begins")


@dataclass(frozen=True, slots=True)
class Calendar:
    """`holidays`: who has the duty day of a date instead of whose turn it is. Overrides come before
    both; of several at once the last in the list, which was entered last, counts."""

    rotation: Rotation
    holidays: Mapping[dt.date, int] = field(default_factory=dict)
    overrides: Sequence[Override] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call, by what (override, holiday, rotation), and until when that holds; `person`
    is none and `by` "gap" where nobody is."""

    person: int | None
    by: str
    until: int


def who_is_on_call(calendar: Calendar, at: int) -> Duty:
    """Exactly one, or a gap. `until` is when the answer may change next, always after `at`."""
    rotation = calendar.rotation
    day = rotation.day_of(at)
    edges = [edge for one in calendar.overrides for edge in (one.start, one.end) if edge > at]
    until = min([*edges, rotation.begins_at(day + DAY)])
    for one in reversed(calendar.overrides):
        if one.start <= at < one.end:
            return Duty(one.person, "override", until)
    if day in calendar.holidays:
        return Duty(calendar.holidays[day], "holiday", until)
    person = rotation.person_of(day)
    return Duty(person, "gap" if person is None else "rotation", until)


def list_duties(calendar: Calendar, start: int, end: int) -> Iterator[tuple[int, int, Duty]]:
    """(start, end, duty) over [start, end) without a hole, gaps included; equal ones in a row are
    joined."""
    begun, known, at = start, None, start
    while at < end:
        duty = who_is_on_call(calendar, at)
        if known is not None and (duty.person, duty.by) != (known.person, known.by):
            yield begun, at, known
            begun = at
        known, at = duty, duty.until
    if known is not None:
        yield begun, end, known


def find_gaps(calendar: Calendar, start: int, end: int) -> list[tuple[int, int]]:
    """When nobody is on call."""
    return [
        (begun, ended)
        for begun, ended, duty in list_duties(calendar, start, end)
        if duty.person is None
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to tell (`level`, the caller's own word) after so many minutes unacknowledged."""

    after_min: int
    level: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Raises ValueError unless the steps come one after the other, from minute 0 on or later."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        times = [step.after_min for step in self.steps]
        if not times or times[0] < 0 or any(a >= b for a, b in pairwise(times)):
            raise ValueError("steps of an escalation follow one another")


@dataclass(frozen=True, slots=True)
class AlarmTimes:
    """When it was raised, taken on by somebody, and over; none: not yet."""

    raised: int
    acknowledged: int | None = None
    cleared: int | None = None

    @property
    def quiet_from(self) -> int | None:
        """From when on nobody more is told: at that very instant nobody is."""
        known = [at for at in (self.acknowledged, self.cleared) if at is not None]
        return min(known, default=None)


@dataclass(frozen=True, slots=True)
class DueStep:
    """`number` counts a policy's steps from 0: with the alarm it names the deed, done once."""

    number: int
    step: Step
    at: int


def due_steps(times: AlarmTimes, policy: Policy, now: int) -> list[DueStep]:
    """All steps that have come due by now, those done already among them."""
    return [
        due
        for due in _plan(times, policy)
        if due.at <= now and (times.quiet_from is None or due.at < times.quiet_from)
    ]


def find_next_step(times: AlarmTimes, policy: Policy, now: int) -> DueStep | None:
    """The step that comes next if nobody takes the alarm on; none when somebody has."""
    if times.quiet_from is not None and times.quiet_from <= now:
        return None
    return next((due for due in _plan(times, policy) if due.at > now), None)


def _plan(times: AlarmTimes, policy: Policy) -> list[DueStep]:
    return [
        DueStep(number, step, times.raised + step.after_min * MINUTE_MS)
        for number, step in enumerate(policy.steps)
    ]
