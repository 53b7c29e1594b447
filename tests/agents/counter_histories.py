"""Polls of a device with three ports that do all that agents and clocks are known to do."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st

from dcim.snmp.counting.counters import Reading
from dcim.snmp.counting.port_table import NOT_READ

T0 = 1_790_000_000_000
NAMES = ("Ethernet1", "Ethernet2", "Ethernet3")
SPEEDS = (0, 10_000_000, 100_000_000, 10**9, 10**10, 16 * 10**11)
STARTS = (5 * 10**8, 2**32 - 10**6, 2**32 - 1, 2**40, 2**64 - 10**6, 2**64 - 1, 0)
UPTIMES_MS = (0, 10_000, 10**9, (2**32 - 9_000) * 10, (2**32 - 12_000) * 10)
SPANS_MS = (1_000, 10_000, 30_000, 60_000, 60_000, 60_000, 60_007, 900_000, 900_001)
AGENT_EVENTS = (
    *[""] * 14,
    *("reboot", "engine", "wall back", "wall ahead", "wall ahead"),
    *("clock 1", "clock 2", "no clock", "shuffled", "shuffled"),
)
PORT_EVENTS = (
    *[""] * 14,
    *("all ones in", "all ones out", "no octets", "no width", "width", "clear", "lower", "vast"),
    *("full", "too full", "no speed", "speed", "same time", "earlier", "clock stands", "no mono"),
    *("no uptime", "no engine", "no discontinuity", "gone", "errors back", "errors far"),
    *("no errors", "uptime edge", "uptime past", "uptime off", "engine edge", "engine past"),
    *("wall stands", "uptime stands"),
)


class PortStep(NamedTuple):
    event: str
    share: int  # of the line rate, in thousandths


class PollStep(NamedTuple):
    span_ms: int
    event: str
    order: int
    ports: tuple[PortStep, ...]


class History(NamedTuple):
    bits: int
    speed: int
    start: int
    up_ms: int
    polls: list[PollStep]


port_steps = st.builds(PortStep, st.sampled_from(PORT_EVENTS), st.integers(0, 1040))
histories = st.builds(
    History,
    st.sampled_from((32, 64, 64)),
    st.sampled_from(SPEEDS),
    st.sampled_from(STARTS),
    st.sampled_from(UPTIMES_MS),
    st.lists(
        st.builds(
            PollStep,
            st.sampled_from(SPANS_MS),
            st.sampled_from(AGENT_EVENTS),
            st.integers(0, 5),
            st.tuples(port_steps, port_steps, port_steps),
        ),
        min_size=2,
        max_size=6,
    ),
)


def random_histories(count: int, seed: int = 1) -> Iterable[History]:
    """The same histories at every run, for what must be counted or must fail."""
    pick = random.Random(seed)
    for _ in range(count):
        polls = [
            PollStep(
                pick.choice(SPANS_MS),
                pick.choice(AGENT_EVENTS),
                pick.randrange(6),
                tuple(PortStep(pick.choice(PORT_EVENTS), pick.randrange(1040)) for _ in NAMES),
            )
            for _ in range(6)
        ]
        bits, speed = pick.choice((32, 64, 64)), pick.choice(SPEEDS)
        yield History(bits, speed, pick.choice(STARTS), pick.choice(UPTIMES_MS), polls)


class Agent:
    """A device that does all that agents and clocks are known to do, and says what it shows."""

    def __init__(self, history: History) -> None:
        self.clock = "boot-1"
        self.wall_ms, self.mono_ms = T0, 10_000
        self.up_ms = self.engine_ms = history.up_ms
        self.order = 0
        self.ports = {
            name: Reading(
                ts_ms=0,
                bits=history.bits,
                in_octets=(history.start + place * 1000) % 2**64,
                out_octets=history.start,
                uptime_ticks=0,
                speed_bps=history.speed,
                discontinuity=0,
                in_errors=2**32 - 3 + place,
                out_errors=0,
                in_discards=7,
                out_discards=0,
            )
            for place, name in enumerate(NAMES)
        }
        self.shown: dict[str, Reading] = {}

    def poll(self, step: PollStep) -> dict[str, Reading]:
        """Let time pass; return what is read of each port, in the order of the ifIndex."""
        self.wall_ms += step.span_ms
        self.mono_ms += step.span_ms
        self.up_ms += step.span_ms
        self.engine_ms += step.span_ms
        if step.event in ("reboot", "engine"):
            self.engine_ms = step.span_ms // 2
        if step.event == "reboot":
            self.up_ms = step.span_ms // 2
        self.wall_ms += {"wall back": -3_600_000, "wall ahead": 3_600_000}.get(step.event, 0)
        self.clock = {"clock 1": "boot-1", "clock 2": "boot-2", "no clock": ""}.get(
            step.event, self.clock
        )
        if step.event == "shuffled":
            self.order = step.order
        names = random.Random(self.order).sample(NAMES, len(NAMES))
        found = {}
        for name in names:
            port_step = step.ports[NAMES.index(name)]
            self.ports[name] = port = self._count(self.ports[name], port_step, step)
            if port_step.event != "gone":
                shown = self._show(name, port, port_step)
                # No clock's time is as good as no clock.
                found[name] = replace(shown, clock="") if shown.monotonic_ms is None else shown
        self.shown |= found
        return found

    def _count(self, port: Reading, step: PortStep, poll: PollStep) -> Reading:
        line = (port.speed_bps or 10**9) * poll.span_ms // 8000
        inward, outward = port.in_octets or 0, port.out_octets or 0
        if poll.event == "reboot" or step.event == "clear":
            inward = outward = 0
        inward += line * step.share // 1000
        outward += line * (1000 - step.share // 2) // 1000
        changed: dict[str, Any] = {}
        if step.event == "clear":
            changed["discontinuity"] = (port.discontinuity or 0) + 1
        if step.event == "lower":
            inward = max(0, inward - line * 2 - 1000)
        if step.event == "vast":
            inward += 2**63 - line * (step.share % 2)
        if step.event == "width":
            changed["bits"] = 96 - port.bits
        if step.event in ("speed", "no speed"):
            changed["speed_bps"] = SPEEDS[step.share % len(SPEEDS)] if step.event == "speed" else 0
        errors = {"errors back": -1, "errors far": 2**31 - step.share % 2}.get(step.event, 2)
        changed["in_errors"] = ((port.in_errors or 0) + errors) % 2**32
        changed["out_discards"] = (port.out_discards or 0) + 1
        return replace(port, in_octets=inward % 2**64, out_octets=outward % 2**64, **changed)

    def _show(self, name: str, port: Reading, step: PortStep) -> Reading:
        wrap = 1 << port.bits
        shown = replace(
            port,
            ts_ms=self.wall_ms,
            monotonic_ms=self.mono_ms if self.clock else None,
            clock=self.clock,
            uptime_ticks=self.up_ms // 10 % 2**32,
            engine_time_s=self.engine_ms // 1000,
            in_octets=(port.in_octets or 0) % wrap,
            out_octets=(port.out_octets or 0) % wrap,
        )
        plain: dict[str, dict[str, Any]] = {
            "all ones in": {"in_octets": wrap - 1},
            "all ones out": {"out_octets": wrap - 1},
            "no octets": {"in_octets": None},
            "no width": {"bits": (NOT_READ, 48)[step.share % 2]},
            "no speed": {"speed_bps": None},
            "no uptime": {"uptime_ticks": None},
            "no engine": {"engine_time_s": None},
            "no discontinuity": {"discontinuity": None},
            "no errors": {"in_errors": None, "out_discards": None},
            "no mono": {"monotonic_ms": None},
        }
        changes = plain.get(step.event, {})
        last = self.shown.get(name)
        if last:
            changes = changes or _beside(last, shown, step.event)
        return replace(shown, **changes)


def _beside(last: Reading, shown: Reading, event: str) -> dict[str, Any]:
    """Change a reading to what is just right, or just not, beside the one before."""
    span = shown.ts_ms - last.ts_ms
    changes: dict[str, Any] = {}
    if event in ("same time", "earlier"):
        changes["ts_ms"] = last.ts_ms - 500 * (event == "earlier")
        changes["monotonic_ms"] = last.monotonic_ms
    elif event == "clock stands" and None not in (shown.monotonic_ms, last.monotonic_ms):
        changes["monotonic_ms"] = last.monotonic_ms
    elif event == "wall stands":
        changes["ts_ms"] = last.ts_ms
    elif event == "uptime stands":
        changes["uptime_ticks"] = last.uptime_ticks
    elif event in ("full", "too full"):
        speed = max(last.speed_bps or 0, shown.speed_bps or 0)
        most = 105 * speed * max(span, 0) // 800_000 + (event == "too full")
        changes["in_octets"] = ((last.in_octets or 0) + most) % (1 << shown.bits)
    elif event in ("uptime edge", "uptime past", "uptime off"):
        slack = 10_000 + span // 20 if event == "uptime off" else 2_000 + span // 100
        ahead = span + slack + 10 * (event == "uptime past")
        changes["uptime_ticks"] = ((last.uptime_ticks or 0) + ahead // 10) % 2**32
    elif event in ("engine edge", "engine past"):
        slack = (2_000 + span // 100) // 1000 + (event == "engine past")
        moved = (last.engine_time_s or 0) + span // 1000 - slack
        changes["engine_time_s"] = max(0, moved)
    return changes
