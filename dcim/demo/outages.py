"""What the event script does to each device: dead nodes, links down, restarts, blind polling."""

from functools import cache

import numpy as np

from dcim.demo.noise import Ints
from dcim.demo.plan_parts import AgentPlan, DemoPlan
from dcim.demo.steps import Bools, Span, inside, merge_spans, up_unless

# A PDU's network card needs this long from power to its first answer.
PDU_BOOT_MS = 35_000


class Outages:
    """Answers "is it alive, does it answer, since when" for one plan."""

    def __init__(self, plan: DemoPlan) -> None:
        self._plan = plan
        self._agents = {agent.device: agent for agent in plan.agents}
        self._spans: dict[tuple[str, str], list[Span]] = {}
        for event in plan.events:
            for target in event.targets:
                span = (event.start_ms, event.end_ms)
                self._spans.setdefault((event.kind, target), []).append(span)
        self.troubled_ports = self._find_troubled_ports()
        self.node_dead = cache(self._node_dead)
        self.node_alive = cache(lambda code: up_unless(self.node_dead(code)))
        self.port_up = cache(lambda key: up_unless(self._of("port_down", key)))
        self.silences = cache(self._silences)

    def _of(self, kind: str, target: str) -> list[Span]:
        return merge_spans(self._spans.get((kind, target), ()))

    def _find_troubled_ports(self) -> frozenset[str]:
        """Ports that went down alone, not with their whole switch."""
        return frozenset(
            event.targets[0]
            for event in self._plan.events
            if event.kind == "port_down" and len(event.targets) == 1
        )

    def _node_dead(self, code: str) -> list[Span]:
        """When no current flows through a node: it, or something above it, is off."""
        spans: list[Span] = []
        at: str | None = code
        while at is not None:
            spans += self._spans.get(("node_dead", at), ())
            at = self._plan.nodes_by_code[at].parent
        return merge_spans(spans)

    def reboots(self, device: str) -> list[Span]:
        """(it went, it came back) of restarts that begin all counters again."""
        return self._of("reboot", device)

    def _silences(self, device: str) -> list[Span]:
        """When a poller gets no answer, whatever the reason."""
        agent = self._agents[device]
        spans = [*self.reboots(device), *self._of("blind", device)]
        if agent.powered_by is not None:
            dead = self.node_dead(agent.powered_by)
            spans += [(start, end + PDU_BOOT_MS) for start, end in dead]
        return merge_spans(spans)

    def answers(self, device: str, instants: Ints) -> Bools:
        return ~inside(self.silences(device), instants)

    def closed(self, breaker: str, instants: Ints) -> Bools:
        """Whether the breaker itself is switched on, whatever is above it."""
        return ~inside(self._of("node_dead", breaker), instants)

    def boots(self, device: str, instants: Ints) -> Ints:
        """When the agent that answers then began to run (UTC ms); its sysUpTime starts there."""
        agent: AgentPlan = self._agents[device]
        starts = [agent.booted_ms, *(end for _, end in self.reboots(device))]
        if agent.powered_by is not None:
            starts += [end + PDU_BOOT_MS for _, end in self.node_dead(agent.powered_by)]
        known = np.array(sorted(starts), dtype=np.int64)
        found: Ints = known[np.searchsorted(known, instants, side="right") - 1]
        return found
