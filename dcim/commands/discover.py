"""`dcim snmp discover`: a device against the inventory, and taking over what it says."""

import asyncio
import ipaddress

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.commands.asking import read_address
from dcim.commands.output import instance_of, print_json, print_table
from dcim.config import Settings
from dcim.db import transaction
from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.inventory.models import Device
from dcim.kinds import KINDS
from dcim.network.cables import MEDIA
from dcim.paging import EVERYTHING
from dcim.snmp.agents.models import SnmpAgent
from dcim.snmp.agents.registration import find_credential
from dcim.snmp.discovery.checking import check_agent
from dcim.snmp.discovery.findings import FindingFilter, FindingRow, accept_findings, list_findings
from dcim.snmp.discovery.introducing import Introduced, introduce_agent

_WAYS = {
    "given": "as given",
    "serial": "by its serial number",
    "name": "by its sysName",
    "new": "new in the inventory",
}


class UncheckedError(JifangError):
    """The device didn't answer; the message says why."""


@click.command("discover")
@click.argument("address", required=False)
@click.option("--agent", "device_name", help="The polled device's name, instead of its address.")
@click.option(
    "--credential",
    "credential_name",
    help="Poll ADDRESS from now on: the saved credential's name. It must answer.",
)
@click.option(
    "--device",
    "new_name",
    help="With --credential: the device's name. Else the one with its serial number or sysName.",
)
@click.option("--role", default="switch", show_default=True, help="Of a new device.")
@click.option("--accept", is_flag=True, help="Make the inventory say what the device says.")
@click.option(
    "--media",
    type=click.Choice(MEDIA),
    default="smf",
    show_default=True,
    help="What links are laid with where their ports don't say.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def discover(
    ctx: click.Context,
    address: str | None,
    device_name: str | None,
    credential_name: str | None,
    new_name: str | None,
    role: str,
    accept: bool,
    media: str,
    as_json: bool,
) -> None:
    """Compare a polled device, by ADDRESS[:PORT] or --agent, with the inventory now.

    Credentials go to saved addresses only; --credential saves one that answers, with the device of
    the inventory that has its serial number or sysName, else with a new one. What can't be
    accepted, as neighbours outside the inventory, stays open with --accept.
    """
    scope = Scope.system("snmp discover")
    accepted = 0
    with instance_of(ctx) as instance:
        sessions = instance.make_sessions(pool_size=2)
        with transaction(sessions, scope) as session:
            if credential_name is None:
                agent_id = find_agent(session, address, device_name)
            else:
                made = introduce(
                    instance.settings, session, address, credential_name, new_name, role
                )
                agent_id = made.agent.id
                click.echo(f"{made.device.name} ({_WAYS[made.way]}) is polled.", err=True)
        report = asyncio.run(check_agent(instance.settings, sessions, agent_id))
        if report.problem:
            raise UncheckedError("The device wasn't compared: %(why)s.", why=report.problem)
        with transaction(sessions, scope) as session:
            found = list_findings(session, FindingFilter(agent_id=agent_id), EVERYTHING).items
            ids = [one.id for one in found if accept and can_be_accepted(one)]
            if ids:
                accepted = accept_findings(session, scope, ids, media=media, kinds=KINDS)
        sessions.kw["bind"].dispose()
    if as_json:
        print_json({"findings": [_as_json(one) for one in found], "accepted": accepted})
        return
    print_table(
        "",
        ("kind", "what", "key", "verdict", "details"),
        [(one.kind, one.subject, one.key, one.verdict, _in_words(one)) for one in found],
    )
    if report.lldp_problem:
        click.echo(f"Neighbours couldn't be read: {report.lldp_problem}", err=True)
    if report.lag_problem:
        click.echo(f"Members of LAGs couldn't be read: {report.lag_problem}", err=True)
    click.echo(f"{len(found)} differences, {accepted} findings accepted.")


def introduce(
    settings: Settings,
    session: Session,
    address: str | None,
    credential_name: str,
    device_name: str | None,
    role: str = "switch",
) -> Introduced:
    """Bring the device at an address under polling; see `dcim.snmp.discovery.introducing`."""
    if address is None:
        raise InvalidError("Give the ADDRESS[:PORT] that the credential is for.")
    host, port = read_address(address)
    device = None
    if device_name is not None:
        device = session.scalar(select(Device).where(Device.name == device_name))
        if device is None:
            raise NotFoundError("No device is called %(name)s.", name=device_name)
    return introduce_agent(
        session,
        Scope.system("snmp discover"),
        settings,
        address=host,
        udp_port=port,
        credential=find_credential(session, credential_name),
        device=device,
        role=role,
    )


def find_agent(session: Session, address: str | None, device_name: str | None) -> int:
    """The agent at this address[:port], or of the device of this name."""
    if (address is None) == (device_name is None):
        raise InvalidError("Give either ADDRESS[:PORT] or --agent DEVICE.")
    statement = select(SnmpAgent.id).join(Device, Device.id == SnmpAgent.device_id)
    if address is not None:
        host, port = read_address(address)
        canonical = str(ipaddress.ip_address(host))
        statement = statement.where(SnmpAgent.address == canonical, SnmpAgent.udp_port == port)
    else:
        statement = statement.where(Device.name == device_name)
    found = session.scalar(statement)
    if found is None:
        raise NotFoundError(
            "Nothing is polled as %(what)s; add it with dcim snmp add.",
            what=address or device_name,
        )
    return found


def can_be_accepted(row: FindingRow) -> bool:
    """A disputed link or one that is cabled elsewhere takes a person at the place."""
    if row.subject == "link":
        return row.kind == "new" and row.verdict != "disputed"
    return row.subject != "neighbour"


def _as_json(row: FindingRow) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "key": row.key,
        "verdict": row.verdict,
        "details": row.details,
    }


def _in_words(row: FindingRow) -> str:
    told = []
    for name, value in row.details.items():
        if isinstance(value, list):
            told.append(f"{name} {' -> '.join(map(str, value))}")
        elif value:
            told.append(f"{name} {value}")
    return ", ".join(told)[:200]
