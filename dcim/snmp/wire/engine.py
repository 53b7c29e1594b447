"""Reading agents: GET, walks and tables over v1, v2c and v3 (USM), adapting to each.

At most one request is in flight per agent; GETBULK grows and shrinks with what the agent bears and
gives way to GETNEXT where it does not work at all.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Value, VarBind
from dcim.snmp.wire.drops import Drops
from dcim.snmp.wire.faults import AgentError, WalkError
from dcim.snmp.wire.target import Reply, Request, Target
from dcim.snmp.wire.transport import UdpTransport

if TYPE_CHECKING:
    from dcim.snmp.wire.usm import UsmTransport
    from dcim.snmp.wire.v3_transport import V3Transport

__all__ = ["Engine", "Receipt", "Table", "WalkLimits"]

TOO_BIG = 1
NO_SUCH_NAME = 2
_GET_OIDS = 32  # asked in one GET
_REPLY_VARBINDS = 64  # asked for in one GETBULK; about what fits an unfragmented datagram
_TABLE_COLUMNS = 12  # walked side by side
_KNOWN_AGENTS = 65_536
_BULK_RETRY_S = 3_600.0


class Receipt(NamedTuple):
    """When a row was received: UTC epoch ms, and the monotonic clock's ms."""

    wall_ms: int
    monotonic_ms: int


class Table(dict[Oid, dict[Oid, Value]]):
    """Values by column OID and index; `received` says when the first value of an index came in."""

    def __init__(self, columns: Iterable[Oid]) -> None:
        super().__init__({column: {} for column in columns})
        self.received: dict[Oid, Receipt] = {}


@dataclass(frozen=True)
class WalkLimits:
    """Bounds of one walk; past them it fails instead of going on for ever."""

    varbinds: int = 200_000
    octets: int = 64 << 20
    seconds: float = 300.0


@dataclass
class _AgentState:
    repetitions: int
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    bulk_strikes: int = 0
    no_bulk_until: float = 0.0


class _Budget:
    """Counts what a walk has used of its limits."""

    def __init__(self, limits: WalkLimits) -> None:
        self._limits = limits
        self._varbinds = self._octets = 0
        self._until = time.monotonic() + limits.seconds

    def spend(self, reply: Reply) -> None:
        self._varbinds += len(reply.varbinds)
        self._octets += reply.size
        if (
            self._varbinds > self._limits.varbinds
            or self._octets > self._limits.octets
            or time.monotonic() > self._until
        ):
            raise WalkError("the walk passes its bounds")


def _rising(last: Oid, varbinds: Iterable[VarBind]) -> Iterator[VarBind]:
    """The varbinds before the first that doesn't advance."""
    for varbind in varbinds:
        if varbind.oid <= last:
            return
        last = varbind.oid
        yield varbind


class Engine:
    """Reads agents: `async with Engine() as engine: await engine.get(target, oids)`.

    `drops` counts what was not accepted, by reason and agent. Errors are those of
    `dcim.snmp.wire.faults`. `fast_v3=False` leaves all of v3 to pysnmp.
    """

    def __init__(
        self,
        *,
        window: int = 512,
        sockets: int = 2,
        limits: WalkLimits | None = None,
        fast_v3: bool = True,
        drops: Drops | None = None,
    ) -> None:
        self.limits = limits or WalkLimits()
        self.transport = UdpTransport(window=window, sockets=sockets, drops=drops)
        self._sockets = sockets
        self._fast_v3 = fast_v3
        self._v3: V3Transport | None = None
        self._usm: UsmTransport | None = None
        self._agents: OrderedDict[tuple[str, int, str], _AgentState] = OrderedDict()

    @property
    def drops(self) -> Drops:
        return self.transport.drops

    @property
    def requests(self) -> int:
        """Datagrams sent by our own transports; pysnmp's are not counted."""
        return self.transport.requests + (self._v3.requests if self._v3 else 0)

    async def __aenter__(self) -> Engine:
        self.transport.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.transport.close()
        if self._v3:
            self._v3.close()
            self._v3 = None
        if self._usm:
            await self._usm.close()
            self._usm = None

    # --- what callers use

    async def get(self, target: Target, oids: Sequence[Oid]) -> list[VarBind]:
        """Read instances; what the agent doesn't have comes back with a `missing` value."""
        found: list[VarBind] = []
        async with self._agent(target).lock:
            for start in range(0, len(oids), _GET_OIDS):
                found += await self._get_some(target, tuple(oids[start : start + _GET_OIDS]))
        return found

    async def walk(self, target: Target, root: Oid) -> list[VarBind]:
        """Read everything below `root`, in order."""
        return [row async for rows in self.walk_on(target, root) for row in rows]

    async def walk_on(
        self, target: Target, root: Oid, limits: WalkLimits | None = None
    ) -> AsyncGenerator[list[VarBind], None]:
        """Give what is below `root` as it comes in, a reply at a time; `root` may be one arc.

        Of a reply that goes backwards what stood before that is given, then WalkError raised. The
        agent is asked nothing else until the walk has ended or was closed.
        """
        budget = _Budget(limits or self.limits)
        depth = len(root)
        cursor = root if depth > 1 else (*root, 0)  # BER has no OID of one arc
        async with self._agent(target).lock:
            while True:
                request, reply = await self._ask_next(target, (), (cursor,))
                budget.spend(reply)
                fault: WalkError | None = None
                try:
                    varbinds, _ = self._in_order(request, reply, target)
                except WalkError as error:
                    varbinds, fault = list(_rising(cursor, reply.varbinds)), error
                inside = [
                    *takewhile(
                        lambda one: (
                            one.oid[:depth] == root and one.value.tag != ber.END_OF_MIB_VIEW
                        ),
                        varbinds,
                    )
                ]
                if inside:
                    yield inside
                    cursor = inside[-1].oid
                if fault:
                    raise fault
                if len(inside) < len(varbinds) or reply.error_status == NO_SUCH_NAME:
                    return

    async def table(
        self, target: Target, columns: Sequence[Oid], non_repeaters: Sequence[Oid] = ()
    ) -> Table:
        """Read columns side by side; `non_repeaters` are instances read with the first request.

        These stand in the result under their own OID with the index `()`.
        """
        table = Table((*columns, *non_repeaters))
        budget = _Budget(self.limits)
        once = tuple(non_repeaters)
        async with self._agent(target).lock:
            for start in range(0, len(columns), _TABLE_COLUMNS):
                await self._read_columns(
                    target, columns[start : start + _TABLE_COLUMNS], once, table, budget
                )
                once = ()
        if once:
            for varbind in await self.get(target, once):
                if not varbind.value.missing:
                    table[varbind.oid][()] = varbind.value
        return table

    # --- how

    def _agent(self, target: Target) -> _AgentState:
        key = (*target.peer, target.version)
        state = self._agents.get(key)
        if state is None:
            state = self._agents[key] = _AgentState(target.max_repetitions)
            for old in list(self._agents)[: max(0, len(self._agents) - _KNOWN_AGENTS)]:
                if not self._agents[old].lock.locked():
                    del self._agents[old]
        return state

    async def _exchange(self, target: Target, attempts: Sequence[Request]) -> Reply:
        credentials = target.credentials
        if target.version != "3" or credentials is None:
            return await self.transport.exchange(target, attempts)
        from dcim.snmp.wire.v3_transport import V3Transport, is_fast

        if self._fast_v3 and is_fast(credentials):
            if self._v3 is None:
                transport = self.transport
                self._v3 = V3Transport(
                    window=transport.window, sockets=self._sockets, drops=transport.drops
                )
                self._v3.open()
            return await self._v3.exchange(target, attempts)
        if self._usm is None:
            from dcim.snmp.wire.usm import UsmTransport

            self._usm = UsmTransport(self.drops)
        return await self._usm.exchange(target, attempts)

    async def _get_some(self, target: Target, oids: tuple[Oid, ...]) -> list[VarBind]:
        if not oids:
            return []
        request = Request(ber.GET, oids)
        reply = await self._exchange(target, [request] * (target.retries + 1))
        if not reply.error_status:
            return reply.varbinds
        if reply.error_status == TOO_BIG and len(oids) > 1:
            middle = len(oids) // 2
            return [
                *await self._get_some(target, oids[:middle]),
                *await self._get_some(target, oids[middle:]),
            ]
        if reply.error_status == NO_SUCH_NAME and 1 <= reply.error_index <= len(oids):
            at = reply.error_index - 1  # v1 refuses the whole PDU for one absent object
            rest = await self._get_some(target, oids[:at] + oids[at + 1 :])
            return [*rest[:at], VarBind(oids[at], Value(ber.NO_SUCH_OBJECT, None)), *rest[at:]]
        raise AgentError(reply.error_status, reply.error_index)

    def _attempts(
        self, target: Target, once: tuple[Oid, ...], cursors: tuple[Oid, ...]
    ) -> list[Request]:
        """Plan the tries of one step: GETBULK, ever smaller, at last GETNEXT."""
        state = self._agent(target)
        plain = Request(ber.GETNEXT, once + cursors)
        tries = target.retries + 1
        if not target.bulk or target.version == "1" or state.no_bulk_until > time.monotonic():
            return [plain] * tries
        rows = max(1, min(state.repetitions, _REPLY_VARBINDS // max(1, len(cursors))))
        attempts = [
            Request(ber.GETBULK, once + cursors, len(once), max(1, rows >> attempt))
            for attempt in range(tries)
        ]
        if tries > 1:
            attempts[-1] = plain
        return attempts

    async def _ask_next(
        self, target: Target, once: tuple[Oid, ...], cursors: tuple[Oid, ...]
    ) -> tuple[Request, Reply]:
        """Take one step of a walk; adapt to how the agent took it."""
        state = self._agent(target)
        while True:
            attempts = self._attempts(target, once, cursors)
            reply = await self._exchange(target, attempts)
            request = attempts[reply.attempt]
            if request.pdu == ber.GETBULK and reply.error_status:
                if reply.error_status == TOO_BIG and request.max_repetitions > 1:
                    state.repetitions = max(1, request.max_repetitions // 2)
                    continue
                state.no_bulk_until = time.monotonic() + _BULK_RETRY_S
                continue  # an agent whose GETBULK fails is asked by GETNEXT
            self._learn(state, target, attempts[0], request, reply.attempt)
            # noSuchName is v1's end of the MIB view; some agents say it in v2c as well.
            if reply.error_status not in (0, NO_SUCH_NAME):
                raise AgentError(reply.error_status, reply.error_index)
            return request, reply

    @staticmethod
    def _learn(
        state: _AgentState, target: Target, first: Request, answered: Request, attempt: int
    ) -> None:
        if answered.pdu == ber.GETBULK:
            state.bulk_strikes = 0
            if attempt:
                state.repetitions = answered.max_repetitions
            elif state.repetitions < target.max_repetitions:
                state.repetitions = min(target.max_repetitions, state.repetitions + 2)
        elif first.pdu == ber.GETBULK:
            state.repetitions = max(1, state.repetitions // 2)
            state.bulk_strikes += 1
            if state.bulk_strikes >= 2:
                state.no_bulk_until = time.monotonic() + _BULK_RETRY_S

    def _in_order(
        self, request: Request, reply: Reply, target: Target
    ) -> tuple[list[VarBind], list[VarBind]]:
        """Split a reply into repeated and unrepeated varbinds; refuse one that doesn't advance."""
        if reply.error_status == NO_SUCH_NAME:
            return [], []
        once = request.non_repeaters
        repeated = reply.varbinds[once:]
        if not reply.varbinds or not repeated:
            self.drops.note("ended_early", target.peer)
            raise WalkError(f"{target.address} answered with nothing where more was due")
        cursors = request.oids[once:]
        for column, last in enumerate(cursors):
            for oid, value in repeated[column :: len(cursors)]:
                if oid <= last and value.tag != ber.END_OF_MIB_VIEW:
                    self.drops.note("not_increasing", target.peer)
                    raise WalkError(
                        f"{target.address} went from {ber.format_oid(last)} "
                        f"to {ber.format_oid(oid)}"
                    )
                last = oid  # noqa: PLW2901 - the column's last place
        return repeated, reply.varbinds[:once]

    async def _read_columns(
        self,
        target: Target,
        columns: Sequence[Oid],
        instances: tuple[Oid, ...],
        table: Table,
        budget: _Budget,
    ) -> None:
        cursors = {column: column for column in columns}
        once = tuple(instance[:-1] for instance in instances)
        while cursors:
            active = list(cursors)
            request, reply = await self._ask_next(target, once, tuple(cursors.values()))
            budget.spend(reply)
            if reply.error_status == NO_SUCH_NAME:  # v1: one of them is at its end
                gone = reply.error_index - 1
                if not 0 <= gone < len(request.oids):
                    raise AgentError(reply.error_status, reply.error_index)
                if gone < len(once):
                    once = once[:gone] + once[gone + 1 :]
                else:
                    del cursors[active[gone - len(once)]]
                continue
            if request.pdu == ber.GETNEXT and once:  # they stand before the columns here too
                request = request._replace(non_repeaters=len(once))
            repeated, unrepeated = self._in_order(request, reply, target)
            # A row that was cut is read again, whole: a port renumbered between two replies would
            # have its counters from one and its name from the other.
            whole = len(repeated) - len(repeated) % len(active)
            repeated = repeated[: whole or None]
            for oid, value in unrepeated:
                if oid in instances and not value.missing:
                    table[oid][()] = value
            once = ()
            receipt = Receipt(reply.wall_ms, reply.monotonic_ms)
            for position, column in enumerate(active):
                # One cut in its first row holds nothing of the later columns: they stay in place.
                part = repeated[position :: len(active)]
                last = self._take(table, column, part, receipt) if part else cursors[column]
                if last:
                    cursors[column] = last
                else:
                    del cursors[column]

    @staticmethod
    def _take(
        table: Table, column: Oid, varbinds: Sequence[VarBind], receipt: Receipt
    ) -> Oid | None:
        """Put one column's part of a reply into the table; None when the column is at its end."""
        values, received = table[column], table.received
        depth = len(column)
        last = column
        for oid, value in varbinds:
            if oid[:depth] != column or value.tag == ber.END_OF_MIB_VIEW:
                return None
            last = oid
            index = oid[depth:]
            if index not in received:
                received[index] = receipt
            if not value.missing:
                values[index] = value
        return last
