"""Raw interface counters to deltas (RFC 2863): what is not certain is a gap, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_WRAP32 = 1 << 32
_TICK_MS = 10
# Around a boot and at the wrap of sysUpTime two clocks are compared: agents round and cache. A
# restart is taken to last longer than this.
CLOCK_SLACK_MS = 2_000
PLAUSIBLE_PERCENT = 105
DEFAULT_MAX_SPAN_MS = 900_000
LARGEST_DELTA = (1 << 63) - 1  # octets: what the store's columns can hold


class GapReason(StrEnum):
    FIRST = "first"
    DUPLICATE = "duplicate"
    STALE = "stale"
    CLOCK = "clock"
    TOO_LONG = "too_long"
    MISSING = "missing"
    NO_UPTIME = "no_uptime"
    REBOOT = "reboot"
    DISCONTINUITY = "discontinuity"
    WIDTH = "width"
    WENT_BACK = "went_back"
    AMBIGUOUS = "ambiguous"
    IMPLAUSIBLE = "implausible"


@dataclass(frozen=True)
class Reading:
    """One poll of one port.

    `ts_ms` is the receipt in UTC epoch ms; `monotonic_ms` that of the clock called `clock` (one
    name per boot of a machine: only readings of one clock are compared by it). `uptime_ticks` is
    sysUpTime in 1/100 s, `engine_time_s` snmpEngineTime, `discontinuity` the value of
    ifCounterDiscontinuityTime. `bits` is the width of the octet counters, `speed_bps` None or 0
    when not known. Octets, errors and discards are raw counter values, None when not read.
    """

    ts_ms: int
    bits: int
    in_octets: int | None
    out_octets: int | None
    uptime_ticks: int | None
    speed_bps: int | None = None
    discontinuity: int | None = None
    engine_time_s: int | None = None
    monotonic_ms: int | None = None
    clock: str = ""
    in_errors: int | None = None
    out_errors: int | None = None
    in_discards: int | None = None
    out_discards: int | None = None


@dataclass(frozen=True)
class CounterState:
    """What is kept of a port between polls: the last reading that was whole."""

    last: Reading


@dataclass(frozen=True)
class Delta:
    """What was counted in the `span_ms` before `ts_ms`; errors and discards None: not known."""

    ts_ms: int
    span_ms: int
    in_octets: int
    out_octets: int
    in_errors: int | None = None
    out_errors: int | None = None
    in_discards: int | None = None
    out_discards: int | None = None


@dataclass(frozen=True)
class Gap:
    """Nothing can be said about the time before `ts_ms`."""

    ts_ms: int
    reason: GapReason


def advance(  # noqa: PLR0911 - each way out is one thing that cannot be known
    state: CounterState | None, reading: Reading, *, max_span_ms: int = DEFAULT_MAX_SPAN_MS
) -> tuple[CounterState | None, Delta | Gap]:
    """Take one reading; return the state to keep and what the time since the last one counted."""

    def gap(kept: CounterState | None, reason: GapReason) -> tuple[CounterState | None, Gap]:
        return kept, Gap(reading.ts_ms, reason)

    octets = _octets(reading)
    if octets is None:
        return gap(state, GapReason.MISSING)
    following = CounterState(reading)
    if state is None:
        return gap(following, GapReason.FIRST)
    order = _out_of_order(state.last, reading)
    if order:
        return gap(following if order is GapReason.CLOCK else state, order)
    span_ms, trusted = _elapsed(state.last, reading)
    reason = _break_between(state.last, reading, span_ms, trusted, max_span_ms)
    if reason:
        return gap(following, reason)
    before = _octets(state.last)
    if before is None:
        return gap(following, GapReason.MISSING)
    speed = max(state.last.speed_bps or 0, reading.speed_bps or 0)
    counted = [
        _octets_between(old, new, reading.bits, speed, span_ms)
        for old, new in zip(before, octets, strict=True)
    ]
    for outcome in counted:
        if isinstance(outcome, GapReason):
            return gap(following, outcome)
    inward, outward = (outcome for outcome in counted if isinstance(outcome, int))
    last = state.last
    return following, Delta(
        reading.ts_ms,
        span_ms,
        inward,
        outward,
        _events_between(last.in_errors, reading.in_errors),
        _events_between(last.out_errors, reading.out_errors),
        _events_between(last.in_discards, reading.in_discards),
        _events_between(last.out_discards, reading.out_discards),
    )


def _octets(reading: Reading) -> tuple[int, int] | None:
    """Return both octet counters; all ones is how agents say that they have no number."""
    inward, outward = reading.in_octets, reading.out_octets
    if inward is None or outward is None or reading.bits not in (32, 64):
        return None
    top = (1 << reading.bits) - 1
    if not 0 <= inward < top or not 0 <= outward < top:
        return None
    return inward, outward


def _same_clock(last: Reading, reading: Reading) -> bool:
    return bool(last.clock) and last.clock == reading.clock


def _out_of_order(last: Reading, reading: Reading) -> GapReason | None:
    if reading.ts_ms > last.ts_ms:
        if _same_clock(last, reading) and (reading.monotonic_ms or 0) <= (last.monotonic_ms or 0):
            return GapReason.STALE
        return None
    if _same_clock(last, reading) and (reading.monotonic_ms or 0) > (last.monotonic_ms or 0):
        return GapReason.CLOCK  # the wall clock was set back; the reading itself is new
    return GapReason.DUPLICATE if reading.ts_ms == last.ts_ms else GapReason.STALE


def _elapsed(last: Reading, reading: Reading) -> tuple[int, bool]:
    """Return the milliseconds between two readings, and whether no clock step can be in them."""
    if _same_clock(last, reading):
        return (reading.monotonic_ms or 0) - (last.monotonic_ms or 0), True
    return reading.ts_ms - last.ts_ms, False


def _break_between(  # noqa: PLR0911
    last: Reading, reading: Reading, span_ms: int, trusted: bool, max_span_ms: int
) -> GapReason | None:
    """Find what makes the counters of two readings incomparable."""
    if reading.bits != last.bits:
        return GapReason.WIDTH
    if last.uptime_ticks is None or reading.uptime_ticks is None:
        return GapReason.NO_UPTIME
    if _restarted(last, reading, span_ms):
        return GapReason.REBOOT
    if last.discontinuity != reading.discontinuity:
        return GapReason.DISCONTINUITY
    if not trusted and not _agrees_with_uptime(last, reading, span_ms):
        return GapReason.CLOCK
    if span_ms > max_span_ms:
        return GapReason.TOO_LONG
    return None


def _restarted(last: Reading, reading: Reading, span_ms: int) -> bool:
    """Tell whether the agent started anew in between, by either of its clocks.

    sysUpTime wraps after 497 days; going back is a wrap only when the wrapped difference is the
    time that has passed.
    """
    before, now = (last.uptime_ticks or 0) * _TICK_MS, (reading.uptime_ticks or 0) * _TICK_MS
    if now < before:
        now += _WRAP32 * _TICK_MS
        if not _near(now - before, span_ms):
            return True
    if _was_overtaken(before, now, span_ms):
        return True
    if last.engine_time_s is None or reading.engine_time_s is None:
        return False
    before, now = last.engine_time_s * 1000, reading.engine_time_s * 1000
    return now < before or _was_overtaken(before, now, span_ms)


def _was_overtaken(before_ms: int, now_ms: int, span_ms: int) -> bool:
    """Tell whether a clock that went forward restarted: it can only if it was younger than now."""
    young = before_ms <= span_ms + CLOCK_SLACK_MS
    return young and not _near(now_ms - before_ms, span_ms)


def _near(one_ms: int, other_ms: int) -> bool:
    return abs(one_ms - other_ms) <= CLOCK_SLACK_MS + other_ms // 100


def _agrees_with_uptime(last: Reading, reading: Reading, span_ms: int) -> bool:
    ticks = ((reading.uptime_ticks or 0) - (last.uptime_ticks or 0)) % _WRAP32
    return abs(ticks * _TICK_MS - span_ms) <= 5 * CLOCK_SLACK_MS + span_ms // 20


def _octets_between(old: int, new: int, bits: int, speed_bps: int, span_ms: int) -> int | GapReason:
    """Count the octets between two values, or say why that cannot be known."""
    most = PLAUSIBLE_PERCENT * speed_bps * span_ms // (100 * 8 * 1000)
    if bits == 32 and (not speed_bps or most >= _WRAP32):
        return GapReason.AMBIGUOUS  # it may have wrapped more than once, or unseen
    counted = new - old
    if counted < 0:
        counted += 1 << bits
        if not speed_bps or counted > most:
            return GapReason.WENT_BACK
    if counted > LARGEST_DELTA or (speed_bps and counted > most):
        return GapReason.IMPLAUSIBLE
    return counted


def _events_between(old: int | None, new: int | None) -> int | None:
    """Count errors or discards (Counter32); None where unknown or set back."""
    if old is None or new is None:
        return None
    counted = (new - old) % _WRAP32
    return counted if counted < _WRAP32 // 2 else None
