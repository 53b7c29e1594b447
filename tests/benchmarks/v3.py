"""SNMPv3 authPriv (SHA-256, AES-128): CPU a varbind, our own reader beside pysnmp's.

Both ask the same eight simulated agents, in another process, for 48 rows by GETBULK: in turns, one
request in flight per agent, through the transports that the engine uses. First contacts are left
out. CPU is that of the reading process alone. What `--racks` counts here is replies that pysnmp
reads; our own reads ten times as many. The bound is 20 ×, for the median of the rounds.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from dcim.demo.responder import Responder, StaticTree
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Oid, Pdu, Value
from dcim.snmp.wire.target import Request, Target
from dcim.snmp.wire.usm import UsmTransport
from dcim.snmp.wire.v3_transport import V3Transport
from tests.agents.secure_agent import SecureAgent

RACKS = 160
AGENTS = 8
ROUNDS = 5
ROWS = 48
BOUND = 20
IF_X_TABLE = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
COLUMNS = (6, 10, 7, 11, 18)  # ifHC{In,Out}Octets, ifHC{In,Out}UcastPkts, ifAlias

Say = Callable[[str], None]


@dataclass
class _PromptAgent(SecureAgent):
    """Looks an answer up once, so that the reader is never the one who waits."""

    known: dict[tuple[Oid, ...], tuple[Pdu, bytes]] = field(default_factory=dict)

    def look_up(self, pdu: Pdu) -> tuple[Pdu, bytes]:
        asked = tuple(varbind.oid for varbind in pdu.varbinds)
        found = self.known.get(asked)
        if found is None:
            found = self.known[asked] = super().look_up(pdu)
        return found[0]._replace(request_id=pdu.request_id), found[1]


def _tree() -> dict[Oid, Value]:
    return {
        (*IF_X_TABLE, column, row): ber.text(f"Customer {row}, rack A-{row:02}")
        if column == 18
        else ber.counter64(2**45 + 7_919 * column * row)
        for column in COLUMNS
        for row in range(1, ROWS + 1)
    }


def _serve(pipe: Connection) -> None:
    async def work() -> None:
        agents = [
            _PromptAgent(
                StaticTree(_tree()), max_size=60_000, engine_id=b"\x80\x00\x4f\xb8\x05%05d" % number
            )
            for number in range(AGENTS)
        ]
        async with Responder(agents):
            pipe.send([agent.port for agent in agents])
            await asyncio.to_thread(pipe.recv)

    asyncio.run(work())


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    try:
        return asyncio.run(_measure(ours.recv(), racks, say))
    finally:
        ours.send(None)
        process.join()


async def _measure(ports: list[int], replies: int, say: Say) -> list[tuple[str, str]]:
    targets = [
        _PromptAgent(StaticTree({}), port=port).target(timeout_s=10, retries=0) for port in ports
    ]
    own, pysnmp = V3Transport(), UsmTransport()
    own.open()
    figures = []
    try:
        for columns in (1, len(COLUMNS)):
            cursors = tuple((*IF_X_TABLE, column) for column in COLUMNS[:columns])
            request = Request(ber.GETBULK, cursors, 0, ROWS)
            for there in targets:
                found = (await own.exchange(there, [request])).varbinds
                if found != (await pysnmp.exchange(there, [request])).varbinds:
                    raise RuntimeError("the two readers do not agree")
                if len(found) != columns * ROWS:
                    raise RuntimeError("the agent did not give what was asked for")
            rounds = []
            for number in range(ROUNDS):
                fast = await _cpu_ms(own, targets, request, 10 * replies)
                slow = await _cpu_ms(pysnmp, targets, request, replies)
                rounds.append((fast, slow))
                say(f"{columns} × {ROWS}, round {number + 1}: {slow / fast:.0f} ×")
            figures += _lines(f"{ROWS} rows × {columns}", rounds)
    finally:
        own.close()
        await pysnmp.close()
    if own.drops or pysnmp.drops:
        raise RuntimeError(f"dropped: {own.drops} {pysnmp.drops}")
    return figures


async def _cpu_ms(
    transport: V3Transport | UsmTransport, targets: list[Target], request: Request, replies: int
) -> float:
    """CPU of this process for 1,000 varbinds, in ms."""

    async def read(there: Target) -> int:
        count = 0
        for _ in range(replies // len(targets)):
            count += len((await transport.exchange(there, [request])).varbinds)
        return count

    began = time.process_time()
    counts = await asyncio.gather(*map(read, targets))
    return (time.process_time() - began) * 1e6 / sum(counts)


def _lines(what: str, rounds: list[tuple[float, float]]) -> list[tuple[str, str]]:
    fast, slow = zip(*rounds, strict=True)
    ratios = [theirs / ours for ours, theirs in rounds]
    ratio = statistics.median(ratios)
    verdict = "at least" if ratio >= BOUND else "**below**"
    return [
        (f"{what}: our own, 1,000 varbinds", f"{statistics.median(fast):.2f} ms CPU"),
        (f"{what}: pysnmp, 1,000 varbinds", f"{statistics.median(slow):.1f} ms CPU"),
        (
            f"{what}: pysnmp / our own",
            f"{ratio:.0f} ×, {verdict} {BOUND} × (rounds: {min(ratios):.0f}–{max(ratios):.0f})",
        ),
    ]
