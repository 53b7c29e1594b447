"""Finding anything by what stands on it: names, serials, tags, codes, addresses, numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import ForbiddenError
from dcim.inventory.models import Device
from dcim.records.finding import EXACT, find_matches
from dcim.records.kinds import Kind
from dcim.snmp.agents.models import SnmpAgent

# Of one kind; more words narrow better than more rows.
MOST = 12
AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Hit:
    """`kind` names a kind of records, or is "agent": its `id` is then that of its device.

    `field` is the label (msgid) of the field that fits, `value` what stands in it. `exact` when
    the whole text is one of the record's own marks.
    """

    kind: str
    id: int
    name: str
    field: str
    value: str
    exact: bool


def search(
    session: Session,
    scope: Scope,
    text: str,
    kinds: Sequence[Kind],
    *,
    agents: bool = True,
) -> list[Hit]:
    """Exact hits first, then in the order of the kinds. Staff alone: it reaches across tenants.

    `kinds` are those to look in, by their searched fields; `agents` is whether SNMP agents are
    looked for too, by their address ("192.0.2.1" or "192.0.2.1:161").
    """
    if not scope.is_staff:
        raise ForbiddenError("Only staff search everything.")
    wanted = text.strip()
    if not wanted:
        return []
    hits = [
        Hit(one.kind.name, one.id, one.title, one.field.label, one.value, one.rank == EXACT)
        for one in find_matches(session, scope, kinds, wanted, most=MOST)
    ]
    if agents:
        hits += _find_agents(session, wanted)
    return sorted(hits, key=lambda hit: not hit.exact)


def _find_agents(session: Session, wanted: str) -> Iterable[Hit]:
    address, mark, port = wanted, ":", ""
    if wanted.count(":") == 1:
        address, mark, port = wanted.partition(":")
    condition: ColumnElement[bool] = SnmpAgent.address == address
    if mark and port.isdigit():
        condition &= SnmpAgent.udp_port == int(port[:6])
    rows = session.execute(
        select(Device.id, Device.name, SnmpAgent.address, SnmpAgent.udp_port)
        .join(Device, Device.id == SnmpAgent.device_id)
        .where(condition)
        .order_by(SnmpAgent.udp_port)
        .limit(MOST)
    )
    for device_id, name, host, udp_port in rows:
        yield Hit(AGENT, device_id, name, "", f"{host}:{udp_port}", True)
