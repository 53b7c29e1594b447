"""`dcim snmp discover`: a device against the inventory, and taking over what it says."""

import asyncio
import ipaddress

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.commands.output import instance_of, print_json, print_table
from dcim.db import transaction
from dcim.errors import InvalidError, JifangError, NotFoundError
from dcim.inventory.models import Device
from dcim.kinds import KINDS
from dcim.network.cables import MEDIA
from dcim.paging import EVERYTHING
from dcim.snmp.discovery import check_agent
from dcim.snmp.findings import FindingFilter, FindingRow, accept_findings, list_findings
from dcim.snmp.models import SnmpAgent
from dcim.snmp.target import split_address


class UncheckedError(JifangError):
    """The device didn't answer; the message says why."""


@click.command("discover")
@click.argument("address", required=False)
@click.option("--agent", "device_name", help="The polled device's name, instead of its address.")
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
    accept: bool,
    media: str,
    as_json: bool,
) -> None:
    """Compare a polled device, by ADDRESS[:PORT] or --agent, with the inventory now.

    Credentials go to saved addresses only: add a device first (dcim snmp add). What can't be
    accepted, as neighbours outside the inventory, stays open with --accept.
    """
    scope = Scope.system("snmp discover")
    accepted = 0
    with instance_of(ctx) as instance:
        sessions = instance.make_sessions(pool_size=2)
        with transaction(sessions, scope) as session:
            agent_id = find_agent(session, address, device_name)
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
    click.echo(f"{len(found)} differences, {accepted} findings accepted.")


def find_agent(session: Session, address: str | None, device_name: str | None) -> int:
    """The agent at this address[:port], or of the device of this name."""
    if (address is None) == (device_name is None):
        raise InvalidError("Give either ADDRESS[:PORT] or --agent DEVICE.")
    statement = select(SnmpAgent.id).join(Device, Device.id == SnmpAgent.device_id)
    if address is not None:
        try:
            host, port = split_address(address)
        except ValueError as error:
            raise InvalidError("%(text)s is no ADDRESS[:PORT].", text=address) from error
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
