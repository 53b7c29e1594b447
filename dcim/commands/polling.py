"""`dcim snmp health` and `dcim snmp check`: how polling a device goes, and asking it now."""

from collections.abc import Iterable
from dataclasses import asdict

import click
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.commands.discover import UncheckedError, find_agent
from dcim.commands.output import instance_of, print_json, print_table, session_of
from dcim.db import transaction
from dcim.snmp.health.connection import check_connection
from dcim.snmp.health.report import AgentHealth, CoverageRow, find_health
from dcim.snmp.health.words import CAUSES, DROPS, GAPS, words_of
from dcim.snmp.wire.target import split_address


@click.command("health")
@click.argument("device")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show_health(ctx: click.Context, device: str, as_json: bool) -> None:
    """How polling DEVICE, by name or ADDRESS[:PORT], goes: state, drops, gaps of 24 hours."""
    with session_of(ctx, "snmp health") as (instance, session, _scope):
        found = find_health(
            session, instance.settings, utc_now(), agent_id=choose_agent(session, device)
        )
    if as_json:
        print_json(asdict(found))
    else:
        print_health(found)


@click.command("check")
@click.argument("device")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def try_agent(ctx: click.Context, device: str, as_json: bool) -> None:
    """Ask the saved agent of DEVICE, by name or ADDRESS[:PORT], now; 15 seconds at most.

    Ends with 1 when it doesn't answer. What is polled is saved first (dcim snmp add): a credential
    goes to saved addresses inside the allowed networks only.
    """
    scope = Scope.system("snmp check")
    with instance_of(ctx) as instance:
        sessions = instance.make_sessions(pool_size=2)
        with transaction(sessions, scope) as session:
            agent_id = choose_agent(session, device)
        found = check_connection(instance.settings, sessions, scope, agent_id)
        sessions.kw["bind"].dispose()
    if as_json:
        print_json(asdict(found))
    elif found.answered:
        click.echo(
            f"{found.sys_name or device} answered in {found.duration_ms} ms as {found.profile}:"
            f" {found.ports} ports, {found.readings} readings."
        )
        click.echo(found.sys_descr)
    if not found.answered:
        words = words_of(CAUSES, found.cause)
        raise UncheckedError(
            "%(what)s: %(why)s", what=words.name, why=f"{words.meaning} ({found.problem})"
        )


def choose_agent(session: Session, text: str) -> int:
    """The agent at an address[:port], or of the device of this name."""
    try:
        split_address(text)
    except ValueError:
        return find_agent(session, None, text)
    return find_agent(session, text, None)


def print_health(found: AgentHealth) -> None:
    agent = found.agent
    state = found.state
    if found.cause:
        state += f": {words_of(CAUSES, found.cause).name} ({agent.last_error})"
    click.echo(f"{agent.device_name}  {agent.address}:{agent.udp_port}  {state}")
    click.echo(
        f"last poll {agent.last_poll_at or 'never'}, last answer {agent.last_answer_at or 'never'},"
        f" {agent.silent_polls} polls unanswered, the last took {agent.last_duration_ms or 0} ms,"
        f" next poll {found.next_poll_at or 'unknown'}"
    )
    print_table(
        "Dropped and unanswered (days are of UTC)",
        ("reason", "today total", "7 days total", "30 days total", "meaning"),
        [
            (each.reason, each.today, each.week, each.month, words_of(DROPS, each.reason).meaning)
            for each in found.drops
        ],
    )
    if found.damaged_frames:
        click.echo(f"{found.damaged_frames} polls can't be opened.", err=True)
    for title, rows in (("Ports", found.ports), ("Power and climate", found.gauges)):
        _print_coverage(title, rows)


def _print_coverage(title: str, rows: Iterable[CoverageRow]) -> None:
    rows = list(rows)
    gapped = [row for row in rows if row.gaps]
    print_table(
        f"{title}: {len(rows) - len(gapped)} of {len(rows)} without a gap in 24 hours",
        ("name", "got total", "due total", "newest", "gaps"),
        [
            (
                row.name,
                row.got,
                row.due,
                row.newest_at,
                ", ".join(
                    f"{words_of(GAPS, gap.reason).name} {gap.begin_at:%m-%d %H:%M} to"
                    f" {gap.end_at:%m-%d %H:%M}Z"
                    for gap in row.gaps[:20]
                ),
            )
            for row in gapped
        ],
    )
