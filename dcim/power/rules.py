"""Pure: what a node of the power chain may be, by itself and under what feeds it."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from dcim.power.flow import rated_ma
from dcim.power.tree import Node
from dcim.records.fields import mark

# What begins a chain: nothing in the house feeds it.
SOURCES = frozenset({"utility", "generator"})
SINGLE_PHASES = frozenset({"", "L1", "L2", "L3", "L12", "L23", "L31"})


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one field of a node, as msgid with its places."""

    field: str
    text: str
    places: dict[str, object] = dataclasses.field(default_factory=dict)


def find_faults(node: Node, parents: Sequence[Node]) -> list[Remark]:
    """What can't be. `parents` are its sources as they are recorded, the first one first."""
    found: list[Remark] = []
    if node.kind in SOURCES and parents:
        found.append(Remark("parent_id", mark("A utility or generator hangs on nothing.")))
    if node.phases not in (1, 3):
        found.append(Remark("phases", mark("One or three phases.")))
    if node.phases == 3 and node.phase not in ("", "L123"):
        found.append(Remark("phase", mark("A three-phase node hangs on all phases.")))
    if node.phases == 1 and node.phase not in SINGLE_PHASES:
        found.append(Remark("phase", mark("A single-phase node hangs on one phase, or on two.")))
    if node.kind == "pdu" and node.rack_id is None:
        found.append(Remark("rack_id", mark("A PDU names the rack it stands in.")))
    if node.kind == "bank" and not (len(parents) == 1 and parents[0].kind == "pdu"):
        found.append(Remark("parent_id", mark("A bank belongs to a PDU.")))
    if parents:
        reach = {letter for parent in parents for letter in parent.feed}
        names = ", ".join(each.code for each in parents)
        found += [
            Remark(
                "feed",
                mark("Feed %(feed)s doesn't reach %(parents)s."),
                {"feed": letter, "parents": names},
            )
            for letter in node.feed
            if letter not in reach
        ]
    for parent in parents:
        found += _compare_phases(node, parent)
    return found


def _compare_phases(node: Node, parent: Node) -> list[Remark]:
    if node.phases == 3 and parent.phases == 1:
        return [Remark("phases", mark("%(parent)s has a single phase."), {"parent": parent.code})]
    both = node.phases == parent.phases == 1 and node.phase and parent.phase
    if both and node.phase != parent.phase:
        return [
            Remark(
                "phase",
                mark("%(parent)s hangs on %(phase)s."),
                {"parent": parent.code, "phase": parent.phase},
            )
        ]
    return []


def find_warnings(node: Node, parents: Sequence[Node]) -> list[Remark]:
    """What may be meant, but is rarely right."""
    found: list[Remark] = []
    for parent in parents:
        if rated_ma(node) > rated_ma(parent):
            found.append(
                Remark(
                    "rated_a",
                    mark("Rated above %(parent)s, which would trip first."),
                    {"parent": parent.code},
                )
            )
        between = node.phase in ("L12", "L23", "L31")
        converts = node.kind in {"transformer", "ups"}
        if node.phase_v != parent.phase_v and not converts and not between:
            found.append(
                Remark(
                    "volts",
                    mark("%(parent)s has %(volts)s V."),
                    {"parent": parent.code, "volts": parent.volts},
                )
            )
        if node.phases == 1 and parent.phases == 3 and not node.phase:
            found.append(
                Remark("phase", mark("Its phase isn't recorded: loads are taken to be balanced."))
            )
    if node.poles is not None and node.poles < (3 if node.phases == 3 else 1):
        found.append(Remark("poles", mark("Three phases need three poles.")))
    if node.kind == "ats" and len(parents) < 2:
        found.append(
            Remark("second_parent_id", mark("The other source of this switch isn't recorded."))
        )
    if node.kind not in SOURCES and not parents:
        found.append(Remark("parent_id", mark("What feeds it isn't recorded.")))
    return found
