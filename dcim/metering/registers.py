"""What registers of energy meters read by hand say: steps, rollover, energy between two instants.

A register counts steps of 10^-decimals kWh in `digits` places before the point and begins again
at 0 behind the last of them. Pure, in integers: instants are UTC epoch ms, energy is mWh.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_DIGITS = 9
MOST_DECIMALS = 3
MOST_MULTIPLIER = 100_000
_WRITTEN = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")


def ten_to(places: int) -> int:
    return int("1" + "0" * places)


class RegisterError(ValueError):
    """A value that this register can't show, or that can't follow the one before it."""


class NoReadingError(ValueError):
    """No reading is near enough to `at`, or none on one side of it.

    `side` is "near", "before" or "after"; `nearest` the instant of the nearest one, if any.
    """

    def __init__(self, at: int, side: str, nearest: int | None) -> None:
        super().__init__(f"no reading {side} {at}")
        self.at, self.side, self.nearest = at, side, nearest


@dataclass(frozen=True, slots=True)
class Register:
    """`multiplier` is what the transformers in front of the meter divide by (变比): 200/5 is 40."""

    digits: int
    decimals: int = 0
    multiplier: int = 1

    @property
    def modulus(self) -> int:
        return ten_to(self.digits + self.decimals)

    @property
    def mwh_of_step(self) -> int:
        return ten_to(6 - self.decimals) * self.multiplier

    def read(self, text: str) -> int:
        """Steps of what stands on the register, as written: "004567.8". Raises RegisterError."""
        found = _WRITTEN.fullmatch(text.strip().replace(",", "").replace("。", "."))
        if found is None:
            raise RegisterError("no number")
        whole, part = found[1], (found[2] or "").rstrip("0")
        if len(part) > self.decimals:
            raise RegisterError("decimals")
        steps = int(whole) * ten_to(self.decimals) + int(part.ljust(self.decimals, "0") or "0")
        if steps >= self.modulus:
            raise RegisterError("digits")
        return steps

    def write(self, steps: int) -> str:
        """As it stands on the register, without leading zeros."""
        if not self.decimals:
            return str(steps)
        whole, part = divmod(steps, ten_to(self.decimals))
        return f"{whole}.{part:0{self.decimals}}"

    def advance(self, before: int, after: int, *, rolled_over: bool) -> int:
        """Steps from one value to the next. Raises RegisterError when it fell without rolling."""
        if after >= before:
            return after - before
        if not rolled_over:
            raise RegisterError("lower")
        return after + self.modulus - before


@dataclass(frozen=True, slots=True)
class RegisterReading:
    """`estimated`: nobody saw the register. `rolled_over`: it began again since the one before."""

    at: int
    value: int
    rolled_over: bool = False
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a register stood at an instant; between two readings it is interpolated.

    `mwh` counts from the first reading, `register_mwh` as the register does: what it would show if
    it had as many places as it takes.
    """

    at: int
    mwh: int
    register_mwh: int
    readings: tuple[RegisterReading, ...]

    @property
    def interpolated(self) -> bool:
        return len(self.readings) > 1

    @property
    def estimated(self) -> bool:
        return self.interpolated or any(one.estimated for one in self.readings)


@dataclass(frozen=True, slots=True)
class Consumption:
    """Energy of [start, end); `rolls`: how often the register began again within it."""

    start: Mark
    end: Mark
    rolls: int

    @property
    def mwh(self) -> int:
        return self.end.mwh - self.start.mwh

    @property
    def estimated(self) -> bool:
        return self.start.estimated or self.end.estimated


def measure_consumption(
    register: Register,
    readings: Sequence[RegisterReading],
    start: int,
    end: int,
    window_ms: int,
) -> Consumption:
    """Energy between two instants, by readings in order of time.

    A reading at the very instant counts as it is. Otherwise the energy between the readings on
    both sides is spread evenly and rounded down, if the nearer one lies within `window_ms`.
    Raises NoReadingError, RegisterError for a value that fell without rolling over.
    """
    counted = _count_energy(register, readings)
    first, last = (_mark(register, readings, counted, at, window_ms) for at in (start, end))
    beyond = last.mwh - first.mwh - (last.register_mwh - first.register_mwh)
    return Consumption(first, last, beyond // (register.modulus * register.mwh_of_step))


def _count_energy(register: Register, readings: Sequence[RegisterReading]) -> list[int]:
    """mWh at each reading, from the first."""
    counted = [0]
    for before, after in pairwise(readings):
        if after.at <= before.at:
            raise RegisterError("order")
        steps = register.advance(before.value, after.value, rolled_over=after.rolled_over)
        counted.append(counted[-1] + steps * register.mwh_of_step)
    return counted


def _mark(
    register: Register,
    readings: Sequence[RegisterReading],
    counted: Sequence[int],
    at: int,
    window_ms: int,
) -> Mark:
    place = bisect_left(readings, at, key=lambda one: one.at)
    if place < len(readings) and readings[place].at == at:
        shown = readings[place].value * register.mwh_of_step
        return Mark(at, counted[place], shown, (readings[place],))
    beside = readings[max(place - 1, 0) : place + 1]
    nearest = min((one.at for one in beside), key=lambda one: abs(one - at), default=None)
    if nearest is None or abs(nearest - at) > window_ms:
        raise NoReadingError(at, "near", nearest)
    if place == 0:
        raise NoReadingError(at, "before", nearest)
    if place == len(readings):
        raise NoReadingError(at, "after", nearest)
    before, after = readings[place - 1], readings[place]
    used = counted[place] - counted[place - 1]
    passed = used * (at - before.at) // (after.at - before.at)
    shown = before.value * register.mwh_of_step + passed
    whole = register.modulus * register.mwh_of_step
    return Mark(at, counted[place - 1] + passed, shown % whole, (before, after))
