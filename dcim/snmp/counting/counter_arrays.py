"""`counters.advance` for all ports of one device at once, in few numpy calls.

`counters.advance` says what is right; a property test holds this module to it port by port. What
differs is said at `advance_ports`. Numbers are within what their MIB objects allow: sysUpTime and
error counters below 2**32, snmpEngineTime below 2**31.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dcim.snmp.counting.counters import (
    CLOCK_SLACK_MS,
    DEFAULT_MAX_SPAN_MS,
    LARGEST_DELTA,
    PLAUSIBLE_PERCENT,
    GapReason,
)
from dcim.snmp.counting.port_table import NOT_READ, Ints, Item, PortTable, UInts

Bools = NDArray[np.bool_]

# Stored as 1 + the place in here: new reasons go to the end, the others stay where they are.
REASONS: Final = (
    GapReason.FIRST,
    GapReason.DUPLICATE,
    GapReason.STALE,
    GapReason.CLOCK,
    GapReason.TOO_LONG,
    GapReason.MISSING,
    GapReason.NO_UPTIME,
    GapReason.REBOOT,
    GapReason.DISCONTINUITY,
    GapReason.WIDTH,
    GapReason.WENT_BACK,
    GapReason.AMBIGUOUS,
    GapReason.IMPLAUSIBLE,
)
# What can be odd, in the order `advance` asks: the first that holds for a port is its reason.
_CHECKS: Final = (
    GapReason.MISSING,
    GapReason.FIRST,
    GapReason.CLOCK,  # the wall clock was set back; the reading itself is new
    GapReason.DUPLICATE,
    GapReason.STALE,
    GapReason.WIDTH,
    GapReason.NO_UPTIME,
    GapReason.REBOOT,
    GapReason.DISCONTINUITY,
    GapReason.CLOCK,  # it doesn't agree with sysUpTime
    GapReason.TOO_LONG,
    GapReason.AMBIGUOUS,
    GapReason.WENT_BACK,  # of the octets in; both of the octets out follow
    GapReason.IMPLAUSIBLE,
    GapReason.WENT_BACK,
    GapReason.IMPLAUSIBLE,
)
_CODES: Final = np.array([1 + REASONS.index(reason) for reason in _CHECKS], dtype=np.uint8)
# After these `advance` keeps the older reading: by code, whether so.
_KEEPS_OLDER: Final = np.array(
    [False] + [r in (GapReason.MISSING, GapReason.DUPLICATE, GapReason.STALE) for r in REASONS]
)

# As plain integers, by which numpy finds a row three times faster than by an enum's members.
_TS, _MONOTONIC, _UPTIME, _ENGINE, _DISCONTINUITY, _WIDTH, _SPEED = (int(i) for i in list(Item)[:7])
_IN, _OUT = int(Item.IN_OCTETS), int(Item.OUT_OCTETS)
_EVENTS = slice(Item.IN_ERRORS, Item.OUT_DISCARDS + 1)
_BIT_MS = 8 * 1000 * 100  # octets to bits, seconds to ms, the whole to percent
_MOST = 1 << 62  # octets a line carries in the longest span, at most


def _number(value: int) -> Ints:
    """Make an array of no dimensions: numpy takes it several times faster than a Python int."""
    return np.array(value, dtype=np.int64)


_0, _32, _64 = _number(0), _number(32), _number(64)
_UNKNOWN = _number(NOT_READ)
_LOW32 = _number((1 << 32) - 1)
_LOW31 = _number((1 << 31) - 1)
_LOW64 = _number(-1)
_LARGEST = _number(LARGEST_DELTA)
_TICK_MS, _SECOND_MS = _number(10), _number(1000)
_UPTIME_WRAP_MS = _number((1 << 32) * 10)
_SLACK_MS, _SLACK_SHARE = _number(CLOCK_SLACK_MS), _number(100)
_WALL_SLACK_MS, _WALL_SLACK_SHARE = _number(5 * CLOCK_SLACK_MS), _number(20)
_PERCENT = _number(PLAUSIBLE_PERCENT)
_BITS = _number(_BIT_MS)


@dataclass(frozen=True, slots=True)
class PortDeltas:
    """What each port counted in the `span_ms` before `ts_ms`, in the order of the poll's names.

    `reason` 0: a delta; else 1 + the place of the gap's reason in `REASONS`, and NOT_READ in all
    numbers but `ts_ms`. Errors and discards are NOT_READ where not known. Arrays are shared with
    the tables: nobody writes to them.
    """

    ts_ms: Ints
    span_ms: Ints
    in_octets: Ints
    out_octets: Ints
    in_errors: Ints
    out_errors: Ints
    in_discards: Ints
    out_discards: Ints
    reason: NDArray[np.uint8]


def advance_ports(
    before: PortTable | None, now: PortTable, *, max_span_ms: int = DEFAULT_MAX_SPAN_MS
) -> tuple[PortTable, PortDeltas]:
    """Take one poll; return what to keep of each port and what was counted since the last one.

    Ports are the same by name, wherever they stand. The table to keep has the ports of `now` first,
    then those only known before, which may come back: at most 4 * len(now) + 64 ports in all, the
    ones not seen for longest dropped, as an agent may make up names.

    A port of `before` without whole octets is one nothing is known of. A table has one clock:
    what is kept from the time of another loses its monotonic time, so that such a port is compared
    by the wall clock and sysUpTime even when the older clock comes back, where `advance` could
    still trust it. Speeds are exact up to 2**62 octets in `max_span_ms` (by default 39 Pb/s, beyond
    what ifHighSpeed can say) and taken as this where higher.
    """
    if before is None:
        before = PortTable.empty(now.names)
    known, others = _matched(before, now)
    odd, span, counted = _compare(known, now, before.clock, max_span_ms)
    events = _events_between(known, now.matrix)
    if np.count_nonzero(odd):  # much faster than any()
        gaps = odd.any(axis=0)
        reason = np.where(gaps, _CODES[odd.argmax(axis=0)], np.uint8(0))
        span[gaps] = NOT_READ
        counted[:, gaps] = NOT_READ
        events[:, gaps] = NOT_READ
        matrix = now.matrix
        older = _KEEPS_OLDER[reason]
        if older.any():
            matrix = np.where(older, known, matrix)
            if before.clock != now.clock:
                matrix[_MONOTONIC, older] = NOT_READ
    else:
        reason = np.zeros(len(now), dtype=np.uint8)
        matrix = now.matrix
    inward, outward = counted
    errors_in, errors_out, discards_in, discards_out = events
    deltas = PortDeltas(
        *(now.matrix[_TS], span, inward, outward),
        *(errors_in, errors_out, discards_in, discards_out),
        reason,
    )
    if not len(others) and matrix is now.matrix:
        return now, deltas
    return _with_others(PortTable(now.names, now.clock, matrix), before, others), deltas


def _matched(before: PortTable, now: PortTable) -> tuple[Ints, Ints]:
    """Return what was known of the ports of `now`, and the columns of the ports it doesn't name."""
    count = len(now)
    if before.names[:count] == now.names:  # as a table that was kept stands
        return before.matrix[:, :count], np.arange(count, len(before))
    named = frozenset(now.names)
    others = [column for column, name in enumerate(before.names) if name not in named]
    return before.arranged(now.names).matrix, np.array(others, dtype=np.int64)


def _with_others(kept: PortTable, before: PortTable, others: Ints) -> PortTable:
    """Append those columns of `before`, as many as there is room for."""
    if not len(others):
        return kept
    room = 3 * len(kept) + 64
    if len(others) > room:
        latest = np.argsort(before.matrix[_TS][others], kind="stable")[-room:]
        others = others[np.sort(latest)]
    matrix = before.matrix[:, others]
    if before.clock != kept.clock:
        matrix[_MONOTONIC] = NOT_READ
    names = kept.names + tuple(before.names[column] for column in others)
    return PortTable(names, kept.clock, np.concatenate((kept.matrix, matrix), axis=1))


def _compare(
    old: Ints, now: PortTable, old_clock: str, max_span_ms: int
) -> tuple[Bools, Ints, Ints]:
    """Return what is odd (checks, ports), the spans in ms, and the octets counted (2, ports).

    Rows are taken one by one: numpy is several times slower where shapes must be broadcast.
    """
    new = now.matrix
    odd = np.empty((len(_CHECKS), new.shape[1]), dtype=np.bool_)
    missing, first, set_back, duplicate, stale, width, no_uptime = odd[:7]
    restart, discontinuity, disagrees, too_long, ambiguous = odd[7:12]
    went_back, implausible = odd[12::2], odd[13::2]
    gone = new - old  # modulo 2**64, as octets want it
    unread = np.minimum(new, old) < _0
    all_ones = _all_ones(new[_WIDTH])
    _find_missing(new, all_ones, missing)
    _find_missing(old, _all_ones(old[_WIDTH]), first)

    by_wall, by_clock = gone[_TS], gone[_MONOTONIC]
    same = ~unread[_MONOTONIC]
    if not now.clock or now.clock != old_clock:
        same[:] = False
    np.logical_and(same & (by_clock > _0), by_wall <= _0, out=set_back)
    np.equal(by_wall, _0, out=duplicate)
    np.logical_or(same & (by_clock <= _0), by_wall < _0, out=stale)
    # A span that isn't above zero belongs to a port that is odd by now.
    span = by_wall.copy()
    np.copyto(span, by_clock, where=same)

    np.not_equal(gone[_WIDTH], _0, out=width)
    no_uptime[:] = unread[_UPTIME]
    off = _find_restarts(old, gone, span, unread[_ENGINE], restart)
    np.not_equal(gone[_DISCONTINUITY], _0, out=discontinuity)
    off_by_far = off > _WALL_SLACK_MS + span // _WALL_SLACK_SHARE
    np.logical_and(off_by_far, ~same, out=disagrees)
    np.greater(span, max_span_ms, out=too_long)

    speed = np.maximum(new[_SPEED], old[_SPEED])
    unknown = speed <= _0
    most = _most_octets(speed, span, max_span_ms)
    np.copyto(most, _LARGEST, where=unknown)
    # The one wrap of narrow counters is certain only where they can't go all the way around.
    np.logical_and(new[_WIDTH] == _32, unknown | (most > _LOW32), out=ambiguous)
    counted = np.empty((2, new.shape[1]), dtype=np.int64)
    for way, item in enumerate((_IN, _OUT)):
        # Modulo the width, so a wrap is counted; numbers of 2**63 and more are above any `most`.
        np.bitwise_and(gone[item], all_ones, out=counted[way])
        too_many = np.greater(_unsigned(counted[way]), _unsigned(most), out=implausible[way])
        back = _unsigned(new[item]) < _unsigned(old[item])
        np.logical_and(back, too_many | unknown, out=went_back[way])
    return odd, span, counted


def _unsigned(row: Ints) -> UInts:
    unsigned: UInts = row.view(np.uint64)
    return unsigned


def _all_ones(bits: Ints) -> Ints:
    """Return the largest number of each port's width, 0 where that is neither 32 nor 64 bits."""
    ones = np.zeros(len(bits), dtype=np.int64)
    np.copyto(ones, _LOW64, where=bits == _64)
    np.copyto(ones, _LOW32, where=bits == _32)
    return ones


def _find_missing(matrix: Ints, all_ones: Ints, out: Bools) -> None:
    """Set `out` where a port hasn't both octet counters; all ones is how agents say so."""
    ones = _unsigned(all_ones)
    np.logical_or(_unsigned(matrix[_IN]) >= ones, _unsigned(matrix[_OUT]) >= ones, out=out)


def _find_restarts(old: Ints, gone: Ints, span: Ints, no_engine: Bools, out: Bools) -> Ints:
    """Set `out` where the agent started anew by either of its clocks (`counters._restarted`).

    Return the ms by which sysUpTime, its wrap counted, and the span differ.
    """
    older = span + _SLACK_MS  # than this, and a clock can't have come so far since a restart
    slack = _SLACK_MS + span // _SLACK_SHARE
    back = gone[_UPTIME] < _0
    off: Ints = np.abs(gone[_UPTIME] * _TICK_MS + back * _UPTIME_WRAP_MS - span)
    young = old[_UPTIME] * _TICK_MS <= older
    uptime_anew = (back | young) & (off > slack)

    back = gone[_ENGINE] < _0
    engine_off = np.abs(gone[_ENGINE] * _SECOND_MS - span)
    young = old[_ENGINE] * _SECOND_MS <= older
    engine_anew = back | (young & (engine_off > slack))
    np.logical_or(uptime_anew, engine_anew & ~no_engine, out=out)
    return off


def _most_octets(speed: Ints, span: Ints, max_span_ms: int) -> Ints:
    """Return the octets a line can carry, rounded down; the product itself may exceed 64 bits.

    Only of spans up to `max_span_ms`: the others are gaps by then.
    """
    fastest = _MOST // (PLAUSIBLE_PERCENT * max(1, max_span_ms)) * _BIT_MS
    speed = np.minimum(speed, fastest)
    whole = speed // _BITS
    percent = span * _PERCENT
    most: Ints = percent * whole + percent * (speed - whole * _BITS) // _BITS
    return most


def _events_between(old: Ints, new: Ints) -> Ints:
    """Count errors and discards (Counter32, (4, ports)); NOT_READ where unknown or set back."""
    before, after = old[_EVENTS], new[_EVENTS]
    counted: Ints = (after - before) & _LOW32
    unknown = (np.minimum(before, after) < _0) | (counted > _LOW31)
    np.copyto(counted, _UNKNOWN, where=unknown)
    return counted
