"""The normal port plan: sysUpTime and eight columns per port, read from one agent step by step.

A `PortWalk` does no I/O: it says what to ask next and takes what came back or didn't. The first
column is walked to its end; the others stop where it stopped, so that an agent whose number of
ports is known costs one request a column.

`POLL_PLAN` is what a poll reads that is kept: ifCounterDiscontinuityTime and, last of all, ifName
beside them (why last, `port_poll.py` says). There ifOperStatus is walked to its own end too, so
that ports show which have no 64-bit counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from dcim.snmp.wire import ber, if_mib
from dcim.snmp.wire.column_reply import (
    UNFRAGMENTED,
    USUAL_TEXT,
    Asked,
    Column,
    ColumnRows,
    Known,
    read_reply,
)
from dcim.snmp.wire.faults import AgentError, SnmpError, Timeout, WalkError
from dcim.snmp.wire.target import Target

EXPECTED_PORTS = 48
_MOST_PORTS = 16_384
_MOST_REPETITIONS = 120
_UNKNOWN_REST = 25  # rows asked for where nobody knows how many are left
_TOO_BIG, _NO_SUCH_NAME = 1, 2
_STRIKES = 2
_TICKS = 1 << 32
_WRAP_TICKS = 60_000  # sysUpTime this near its wrap may go back by wrapping


class PortColumn(IntEnum):
    """What is read of each port (RFC 2863); the value is the place in `PORT_PLAN`."""

    IN_OCTETS = 0
    OUT_OCTETS = 1
    IN_ERRORS = 2
    OUT_ERRORS = 3
    IN_DISCARDS = 4
    OUT_DISCARDS = 5
    OPER_STATUS = 6
    HIGH_SPEED = 7


PORT_PLAN = (
    Column(if_mib.HC_IN, ber.COUNTER64),
    Column(if_mib.HC_OUT, ber.COUNTER64),
    Column(if_mib.IN_ERRORS, ber.COUNTER32),
    Column(if_mib.OUT_ERRORS, ber.COUNTER32),
    Column(if_mib.IN_DISCARDS, ber.COUNTER32),
    Column(if_mib.OUT_DISCARDS, ber.COUNTER32),
    Column(if_mib.OPER, ber.INTEGER),
    Column(if_mib.HIGH_SPEED, ber.GAUGE32),  # Mb/s
)


class PollColumn(IntEnum):
    """What a poll reads beside them; the value is the place in `POLL_PLAN`."""

    DISCONTINUITY = 8
    NAME = 9


POLL_PLAN = (
    *PORT_PLAN[: PortColumn.OPER_STATUS],
    Column(if_mib.OPER, ber.INTEGER, whole=True),
    PORT_PLAN[PortColumn.HIGH_SPEED],
    Column(if_mib.DISCONTINUITY, ber.TIMETICKS, usual=1, steady=True),
    Column(if_mib.NAME, ber.OCTET_STRING, steady=True),
)


class Part(NamedTuple):
    """Rows of one column out of one reply: `values` beside rising `indexes`, and when they came.

    A column of texts has `texts` instead of values. `wall_ms` is UTC epoch ms, `monotonic_ms` the
    monotonic clock's; `uptime_ticks` is sysUpTime in 1/100 s as this very reply told it.
    """

    indexes: tuple[int, ...]
    values: list[int]
    wall_ms: int
    monotonic_ms: int
    uptime_ticks: int
    texts: tuple[bytes, ...] = ()


class Hints(NamedTuple):
    """What one poll learns for the next: ports to expect, the most rows a reply may have.

    Of texts the most rows and the octets of the longest one; `known` is what steady columns said.
    """

    ports: int = EXPECTED_PORTS
    rows: int = _MOST_REPETITIONS
    bulk: bool = True
    text_rows: int = _MOST_REPETITIONS
    text_octets: int = USUAL_TEXT
    known: Known | None = None


class PortsRead:
    """What an agent said: per column its parts. `error` tells why it is not the whole plan.

    `uptime_ticks` is sysUpTime of the first reply; `hints` are worth keeping without an error.
    """

    __slots__ = ("columns", "error", "hints", "uptime_ticks")

    def __init__(self, plan: tuple[Column, ...] = PORT_PLAN) -> None:
        self.columns: tuple[list[Part], ...] = tuple([] for _ in plan)
        self.error: SnmpError | None = None
        self.uptime_ticks: int | None = None
        self.hints = Hints()

    def column(self, which: PortColumn | PollColumn) -> dict[int, int]:
        """The values of a column of integers by ifIndex."""
        found: dict[int, int] = {}
        for part in self.columns[which]:
            found.update(zip(part.indexes, part.values, strict=True))
        return found

    def received(self, which: PortColumn | PollColumn) -> Iterator[tuple[int, Part]]:
        """Each ifIndex of a column with the part (so the times and sysUpTime) it came in."""
        for part in self.columns[which]:
            for index in part.indexes:
                yield index, part


class PortWalk:
    """One agent on its way through the plan; `read` is whole when `done` and without an error."""

    __slots__ = (
        "_asked",
        "_attempt",
        "_bulk",
        "_ceiling",
        "_expected",
        "_known_last",
        "_most",
        "_number",
        "_other_ceiling",
        "_pdu",
        "_plan",
        "_retries",
        "_strikes",
        "_taken",
        "_text_octets",
        "answered",
        "deadline",
        "done",
        "peer",
        "read",
        "sent",
        "sock",
        "started",
        "target",
    )  # fmt: skip

    def __init__(
        self,
        target: Target,
        hints: Hints | None = None,
        retries: int = 1,
        plan: tuple[Column, ...] = PORT_PLAN,
    ) -> None:
        if target.version != "2c":
            raise ValueError("the port plan is read by v2c")
        hints = hints or Hints()
        self.target = target
        self.peer = target.peer
        self.read = PortsRead(plan)
        self.done = False
        self.answered = False
        # The sweep's own: the socket asked from, what was sent last, and the monotonic seconds of
        # deadline and start.
        self.sock: Any = None
        self.sent = b""
        self.deadline = self.started = 0.0
        self._plan = plan
        self._asked = Asked(target.community, hints.known)
        self._retries = retries
        self._attempt = 0
        self._strikes = 0
        self._bulk = hints.bulk and target.bulk
        self._ceiling = max(1, min(hints.rows, _MOST_REPETITIONS))  # never ask for more again
        self._other_ceiling = max(
            1, min(hints.text_rows, _MOST_REPETITIONS)
        )  # the texts', by turns
        self._text_octets = hints.text_octets
        self._most = self._ceiling  # for now, after a loss
        self._expected = max(1, hints.ports)
        self._known_last = -1  # the last index of the columns that were walked to their end
        self._pdu = ber.GETBULK
        self._number = 0
        self._taken = 0  # rows had of this column
        self._asked.column = plan[0]
        if plan[0].is_text:
            self._swap_ceilings()

    def request(self, request_id: int) -> bytes:
        """Make the datagram to send now."""
        asked = self._asked
        plain = not self._bulk or (self._attempt and self._attempt >= self._retries)
        self._pdu = ber.GETNEXT if plain else ber.GETBULK
        asked.rows = 1 if plain else max(1, self._rows_wanted() >> self._attempt)
        return asked.encode(request_id, self._pdu)

    def _rows_wanted(self) -> int:
        asked = self._asked
        left = self._expected - self._taken
        if self._known_last < 0 or asked.column.whole:
            left += 1  # the row behind the last shows that it is the last
        if left < 1:
            left = _UNKNOWN_REST
        last = max(asked.after, self._known_last, self._expected)
        fits = asked.column.rows_that_fit(last, asked.community, self._text_octets)
        return min(left, self._most, fits)

    def miss(self, why: SnmpError | None = None) -> None:
        """Take note that no answer came in time, or `why` none can come."""
        self._attempt += 1
        if self._attempt > self._retries:
            host, port = self.peer
            self.fail(why or Timeout(f"no answer from {host}:{port} to {self._attempt} requests"))

    def fail(self, error: SnmpError) -> None:
        self.read.error = error
        self.done = True

    def take(self, packet: bytes, wall_ms: int, monotonic_ms: int) -> tuple[str, int]:
        """Take a datagram from the agent's address: why it was dropped, else how many varbinds."""
        outcome = read_reply(packet, self._asked)
        if isinstance(outcome, str):
            return outcome, 0
        self.answered = True
        if outcome.status:
            self._refused(outcome)
            return "", 0
        if outcome.fault:
            self.fail(WalkError(f"{self.peer[0]}: {outcome.fault} in the port plan"))
            return outcome.fault, 0
        if not self._is_later(outcome.uptime_ticks):
            self.fail(WalkError(f"{self.peer[0]} restarted while it was read"))
            return "restarted", 0
        count = len(outcome.indexes)
        if count:
            self.read.columns[self._number].append(
                Part(
                    outcome.indexes,
                    outcome.values,
                    wall_ms,
                    monotonic_ms,
                    outcome.uptime_ticks,
                    outcome.texts,
                )
            )
        self._learn(len(packet))
        self._advance(outcome, count)
        return "", count + 1

    def _is_later(self, ticks: int) -> bool:
        before = self.read.uptime_ticks
        if before is None:
            self.read.uptime_ticks = ticks
            return True
        return ticks >= before or (before > _TICKS - _WRAP_TICKS and ticks < _WRAP_TICKS)

    def _learn(self, size: int) -> None:
        """Adapt to how the agent took the request."""
        asked = self._asked
        if size > UNFRAGMENTED and asked.rows > 1:
            self._ceiling = max(1, asked.rows * UNFRAGMENTED // size)
            self._most = min(self._most, self._ceiling)
        if self._attempt:
            if self._pdu == ber.GETBULK:
                self._most = asked.rows
            elif self._bulk:
                self._most = max(1, self._most // 2)
                self._strikes += 1
                self._bulk = self._strikes < _STRIKES
        elif self._pdu == ber.GETBULK:
            self._strikes = 0
            self._most = min(self._ceiling, self._most * 2)
        self._attempt = 0

    def _advance(self, rows: ColumnRows, count: int) -> None:
        """Go on behind the last row, or to the next column, or be done."""
        asked = self._asked
        self._taken += max(count, 1)  # rows without a value count too: nobody walks for ever
        asked.after = rows.last
        if rows.ended:
            if rows.last >= 0 and (self._known_last < 0 or self._taken > self._expected):
                self._expected = self._taken
            self._known_last = max(self._known_last, rows.last)
        elif self._known_last < 0 or rows.last < self._known_last or asked.column.whole:
            if self._taken > _MOST_PORTS:
                self.fail(WalkError(f"{self.peer[0]} has more than {_MOST_PORTS} ports"))
            return
        self._next_column()

    def _next_column(self) -> None:
        self._taken = 0
        self._number += 1
        asked = self._asked
        asked.after = -1
        if self._number < len(self._plan):
            was_text = asked.column.is_text
            asked.column = self._plan[self._number]
            if asked.column.is_text is not was_text:
                self._swap_ceilings()
            return
        self.read.hints = self._hints()
        self.done = True

    def _swap_ceilings(self) -> None:
        """Rows of texts are longer: what an agent bears of them says nothing about numbers."""
        self._ceiling, self._other_ceiling = self._other_ceiling, self._ceiling
        self._most = self._ceiling

    def _hints(self) -> Hints:
        columns = self.read.columns
        ports = max(sum(len(part.indexes) for part in parts) for parts in columns)
        rows, text_rows = self._ceiling, self._other_ceiling
        if self._asked.column.is_text:
            rows, text_rows = text_rows, rows
        longest = [max(map(len, part.texts)) for parts in columns for part in parts if part.texts]
        return Hints(
            ports or EXPECTED_PORTS,
            rows,
            self._bulk,
            text_rows,
            max(longest, default=self._text_octets),
            self._asked.seen or None,
        )

    def _refused(self, rows: ColumnRows) -> None:
        """Make do with an error status: fewer rows, then GETNEXT, then it is an error."""
        asked = self._asked
        self._attempt = 0
        if self._pdu == ber.GETBULK:
            if rows.status == _TOO_BIG and asked.rows > 1:
                self._ceiling = self._most = asked.rows // 2
            else:
                self._bulk = False
        elif rows.status == _NO_SUCH_NAME:  # some agents say so at the end of their view
            self._known_last = max(self._known_last, asked.after)
            self._next_column()
        else:
            self.fail(AgentError(rows.status, rows.at))
