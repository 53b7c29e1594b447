"""`dcim snmp`: probe devices, keep credentials and polled agents, bind what they measure."""

import asyncio
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import select

from dcim.commands.asking import (
    AUTH,
    PRIV,
    asking_options,
    explain,
    make_target,
    read_address,
    secret,
)
from dcim.commands.discover import discover
from dcim.commands.mibs import known_names, list_mibs, show_names, tell_problems
from dcim.commands.output import print_json, print_table, session_of
from dcim.commands.polling import show_health, try_agent
from dcim.commands.spool import show_spool
from dcim.commands.sweep import sweep_targets
from dcim.commands.walk import walk_agent
from dcim.inventory.models import Device
from dcim.network.assignment import assign_port
from dcim.power.metering import meter_node
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential
from dcim.snmp.agents.registration import (
    FoundPort,
    UsmSecrets,
    accept_ports,
    check_address,
    find_credential,
    find_or_make_device,
    register_agent,
    store_credential,
)
from dcim.snmp.wire.faults import SnmpError

if TYPE_CHECKING:
    from dcim.snmp.mibs.names import MibNames
    from dcim.snmp.reading.probe import ProbeResult
    from dcim.snmp.wire.target import Target


@click.group()
def snmp() -> None:
    """Probe devices, keep credentials and polled agents."""


snmp.add_command(show_spool)
snmp.add_command(sweep_targets)
snmp.add_command(discover)
snmp.add_command(show_health)
snmp.add_command(try_agent)
snmp.add_command(show_names)
snmp.add_command(list_mibs)
snmp.add_command(walk_agent)


@snmp.command("probe")
@click.argument("address")
@click.option("--community", help="SNMP v2c. Others see it here; better DCIM_SNMP_COMMUNITY.")
@asking_options
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def probe_device(
    ctx: click.Context,
    /,
    address: str,
    community: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Identity, ports and readings of the device at ADDRESS[:PORT]; [IPv6]:PORT works too.

    SNMP v3 pass phrases come from DCIM_SNMP_AUTH and DCIM_SNMP_PRIV or are asked for.
    """
    target = make_target(read_address(address), community=community, **asked)
    result = run_probe(target)
    if as_json:
        print_json(result.to_json())
    else:
        found = known_names(ctx)
        tell_problems(found)
        show_probe(result, found.names)


def run_probe(target: "Target") -> "ProbeResult":
    """Probe, with each failure told in words that say what to look at."""
    from dcim.snmp.reading.probe import probe

    try:
        return asyncio.run(probe(target))
    except SnmpError as error:
        raise explain(error, target) from error


def show_probe(result: "ProbeResult", names: "MibNames") -> None:
    """For people; OIDs stand with their names."""
    identity = result.sys_object_id
    if identity:
        identity += f"  {names.name_of(tuple(map(int, identity.split('.'))))}"
    click.echo(f"{result.sys_name}  [{result.profile}]  {identity}")
    click.echo(result.sys_descr)
    if result.ports:
        print_table(
            "Ports",
            ("index", "name", "alias", "speed bps", "admin", "oper", "in octets", "out octets"),
            [
                (
                    port.if_index,
                    port.name,
                    port.alias,
                    port.speed_bps,
                    port.admin_status,
                    port.oper_status,
                    port.in_octets,
                    port.out_octets,
                )
                for port in result.ports
            ],
        )
    if result.readings:
        print_table(
            "Readings",
            ("class", "place", "label", "value", "unit", "OID", "name"),
            [
                (
                    *(one[key] for key in ("class", "place", "label", "value", "unit", "oid")),
                    names.name_of(reading.oid),
                )
                for reading in result.readings
                for one in (reading.to_json(),)
            ],
        )


@snmp.group()
def credential() -> None:
    """Communities and SNMPv3 users; secrets are sealed and never shown again."""


@credential.command("add")
@click.argument("name")
@click.option("--version", type=click.Choice(["1", "2c", "3"]), default="2c", show_default=True)
@click.option("--user")
@click.option("--auth", type=click.Choice(AUTH), default="none", show_default=True)
@click.option("--priv", type=click.Choice(PRIV), default="none", show_default=True)
@click.option("--context", default="")
@click.pass_context
def add_credential(
    ctx: click.Context,
    name: str,
    version: str,
    user: str | None,
    auth: str,
    priv: str,
    context: str,
) -> None:
    """Keep a credential.

    Its secrets are asked for, or read from DCIM_SNMP_COMMUNITY, DCIM_SNMP_AUTH, DCIM_SNMP_PRIV.
    """
    community = usm = None
    if version == "3":
        usm = UsmSecrets(
            secret(None, None, "DCIM_SNMP_AUTH", "Auth pass phrase") if auth != "none" else "",
            secret(None, None, "DCIM_SNMP_PRIV", "Priv pass phrase") if priv != "none" else "",
        )
    else:
        community = secret(None, None, "DCIM_SNMP_COMMUNITY", "Community")
    with session_of(ctx, "snmp credential add") as (instance, session, scope):
        store_credential(
            session,
            scope,
            instance.settings.encryption,
            name=name,
            version=version,
            community=community,
            username=user,
            auth_protocol=auth,
            priv_protocol=priv,
            secrets=usm,
            context=context,
        )
    click.echo(f"Stored credential {name}.")


@snmp.command("add")
@click.argument("address")
@click.option("--credential", "credential_name", required=True)
@click.option("--device", "device_name", required=True, help="An existing device, or a new name.")
@click.option("--role", default="switch", show_default=True, help="For a new device.")
@click.pass_context
def add_agent(
    ctx: click.Context, address: str, credential_name: str, device_name: str, role: str
) -> None:
    """Probe ADDRESS[:PORT], accept its ports, and poll it from the next minute on."""
    from dcim.snmp.agents.credentials import make_target as open_target

    host, port = read_address(address)
    with session_of(ctx, "snmp add") as (instance, session, scope):
        settings = instance.settings
        canonical = check_address(settings, host)
        found = find_credential(session, credential_name)
        device = find_or_make_device(
            session, scope, device_name, role=role, manufacturer="unknown", model="unknown"
        )
        agent = register_agent(
            session,
            scope,
            settings,
            device=device,
            address=canonical,
            udp_port=port,
            credential=found,
        )
        # Whatever the device answers: when it doesn't, nothing of this is kept.
        result = run_probe(open_target(session, settings.encryption, agent))
        ports = accept_ports(
            session,
            scope,
            device,
            [FoundPort(p.name, p.speed_bps or 0, p.alias) for p in result.ports],
        )
    click.echo(
        f"{device_name} is polled at {canonical}:{port} as {result.profile}:"
        f" {len(ports)} new ports, {len(result.readings)} readings."
    )


@snmp.command("agents")
@click.pass_context
def list_agents(ctx: click.Context) -> None:
    """Polled devices and how the last poll went."""
    with session_of(ctx, "snmp agents") as (_instance, session, _scope):
        rows = session.execute(
            select(Device.name, SnmpAgent, SnmpCredential.name)
            .join(SnmpAgent, SnmpAgent.device_id == Device.id)
            .join(SnmpCredential, SnmpCredential.id == SnmpAgent.credential_id)
            .order_by(Device.name)
        ).all()
        print_table(
            "",
            ("device", "address", "credential", "profile", "last answer", "silent", "last error"),
            [
                (
                    name,
                    f"{agent.address}:{agent.udp_port}",
                    credential_name,
                    agent.profile,
                    agent.last_answer_at,
                    agent.silent_polls,
                    agent.last_error,
                )
                for name, agent, credential_name in rows
            ],
        )


@snmp.command("assign")
@click.argument("device")
@click.argument("port")
@click.option("--service", required=True, help="The bandwidth service's code.")
@click.pass_context
def assign(ctx: click.Context, device: str, port: str, service: str) -> None:
    """Let PORT of DEVICE carry a bandwidth service from now on."""
    with session_of(ctx, "snmp assign") as (_instance, session, scope):
        assign_port(session, scope, service_code=service, device_name=device, port_name=port)
    click.echo(f"{device} {port} carries {service} from now on.")


@snmp.command("meter")
@click.argument("device")
@click.argument("place")
@click.option("--node", required=True, help="The power node's code.")
@click.pass_context
def meter(ctx: click.Context, device: str, place: str, node: str) -> None:
    """Let readings of DEVICE at PLACE (e.g. input) stand for a node of the power chain."""
    with session_of(ctx, "snmp meter") as (_instance, session, scope):
        meter_node(session, scope, node_code=node, device_name=device, place=place)
    click.echo(f"{place} of {device} measures {node} from now on.")
