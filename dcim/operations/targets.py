"""What is worked on as people write it: one line each, a node, a port, a device or a room."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError
from dcim.inventory.models import Device, Room, Site
from dcim.network.models import Port
from dcim.operations.maintenance import MOST_TARGETS, Targets, require_staff
from dcim.power.models import PowerNode

# A device's name and a port's, with room to spare.
LONGEST = 512
# Everything that a line may mean, in the words of `Targets`.
MEANINGS = ("power_nodes", "ports", "devices", "rooms")


def read_targets(session: Session, scope: Scope, text: str) -> Targets:
    """Lines like "RPP-D1", "sw-1 ge3", "sw-1" (all its ports) or "R1"; "S1/R1" where a code
    stands at several sites. Four statements. Raises InvalidError for a line that names nothing,
    or more than one thing."""
    require_staff(scope)
    lines = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(lines) > MOST_TARGETS:
        raise InvalidError("At most %(count)s targets.", {"targets": ["many"]}, count=MOST_TARGETS)
    for line in lines:
        if len(line) > LONGEST:
            raise _unknown(line)
    found: dict[str, dict[str, set[int]]] = {line: {} for line in lines}
    for meaning, statement in _ways(lines):
        for line, one in session.execute(statement):
            found[line].setdefault(meaning, set()).add(one)
    chosen: dict[str, set[int]] = {meaning: set() for meaning in MEANINGS}
    for line in lines:
        ids = [(meaning, one) for meaning, known in found[line].items() for one in known]
        if not ids:
            raise _unknown(line)
        if len(ids) > 1:
            raise InvalidError(
                "%(name)s stands more than once: write the site before it, like S1/R1.",
                {"targets": ["ambiguous"]},
                name=line[:100],
            )
        chosen[ids[0][0]].add(ids[0][1])
    return Targets(**{name: frozenset(ids) for name, ids in chosen.items()})


def _unknown(line: str) -> InvalidError:
    return InvalidError(
        "%(name)s is no power node, port, device or room.",
        {"targets": ["unknown"]},
        name=line[:100],
    )


def _ways(lines: Sequence[str]) -> list[tuple[str, Any]]:
    """(meaning, statement of (the line, id)); a code alone, or with its site."""
    ways: list[tuple[str, Any]] = []
    for meaning, model in (("power_nodes", PowerNode), ("rooms", Room)):
        name = func.unnest(array([model.code, func.concat(Site.code, "/", model.code)]))
        named = (
            select(name.label("line"), model.id.label("id"))
            .join(Site, Site.id == model.site_id)
            .subquery()
        )
        ways.append((meaning, select(named.c.line, named.c.id).where(named.c.line.in_(lines))))
    port = func.concat(Device.name, " ", Port.name)
    ways.append(
        (
            "ports",
            select(port, Port.id)
            .join(Device, Device.id == Port.device_id)
            .where(
                port.in_(lines),
                # Looked up by the device first: no port is compared that can't be meant.
                Device.name.in_([line[:at] for line in lines for at in _blanks(line)]),
            ),
        )
    )
    ways.append(("devices", select(Device.name, Device.id).where(Device.name.in_(lines))))
    return ways


def _blanks(line: str) -> list[int]:
    return [at for at, sign in enumerate(line) if sign == " "]
