"""Links as the cables record them and as devices hear them, each with what the two say together.

Pure: pairs of port ids in, judged pairs out. What one end hears is believed as far as to draw it,
never as far as to change a cable: that is for a person (`findings`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dcim.snmp.discovery.neighbours import Claim, join_claims

Ends = tuple[int, int]


class Verdict(StrEnum):
    """CONTRADICTS: somebody hears one of the ends joined to something else than this link says."""

    AGREES = "agrees"
    RECORDED = "recorded"
    HEARD = "heard"
    CONTRADICTS = "contradicts"


@dataclass(frozen=True, slots=True)
class JudgedLink:
    """Two ports, the lower id first. `heard_by` are those of them whose device hears the other."""

    ends: Ends
    is_recorded: bool
    heard_by: frozenset[int]
    verdict: Verdict


def judge_links(
    recorded: Iterable[Ends],
    heard: Iterable[Claim],
    heard_devices: Iterable[tuple[int, int]],
    device_of: Mapping[int, int],
) -> list[JudgedLink]:
    """Every link that is recorded or heard, by its ends.

    `recorded` are the two ends of each line of cables; `heard_devices` are (port, device) where the
    neighbour's device is known and its port isn't: that can contradict a link, but makes none.
    """
    cabled: dict[int, int] = {}
    pairs = {(min(ends), max(ends)) for ends in recorded}
    for low, high in pairs:
        cabled[low], cabled[high] = high, low
    claims = {link.ends: link for link in join_claims(heard)}
    partners: dict[int, set[int]] = {}
    for low, high in claims:
        partners.setdefault(low, set()).add(high)
        partners.setdefault(high, set()).add(low)
    devices: dict[int, set[int]] = {}
    for port_id, device_id in heard_devices:
        devices.setdefault(port_id, set()).add(device_id)

    def is_disputed(ends: Ends) -> bool:
        for own, other in (ends, ends[::-1]):
            if partners.get(own, set()) - {other} or cabled.get(own, other) != other:
                return True
            if devices.get(own, set()) - {device_of.get(other)}:
                return True
        return False

    judged = []
    for ends in sorted(pairs | claims.keys()):
        is_recorded = ends in pairs
        claim = claims.get(ends)
        if is_disputed(ends):
            verdict = Verdict.CONTRADICTS
        elif is_recorded and claim is not None:
            verdict = Verdict.AGREES
        else:
            verdict = Verdict.RECORDED if is_recorded else Verdict.HEARD
        by = frozenset() if claim is None else claim.seen_by
        judged.append(JudgedLink(ends, is_recorded, by, verdict))
    return judged
