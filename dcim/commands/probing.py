"""`dcim probe`: the targets of the prober with their last figures, and asking one now."""

import asyncio
import datetime as dt
from dataclasses import asdict

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.commands.output import print_json, print_table, session_of
from dcim.config import Settings
from dcim.errors import NotFoundError
from dcim.metering.families import NOT_REPORTED, PROBE
from dcim.metering.models import Series
from dcim.metering.store import Latest, PostgresSampleStore
from dcim.probing.allowing import check_address
from dcim.probing.echo import run_rounds
from dcim.probing.figures import Figures, figure_round, measure_loss
from dcim.probing.models import ProbeTarget
from dcim.probing.prober import plan_round
from dcim.probing.rounds import MOST_ECHOES, EchoTarget, Round


@click.group()
def probe() -> None:
    """Loss, latency and jitter by echoes of our own."""


@probe.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_targets(ctx: click.Context, as_json: bool) -> None:
    """All targets, and what the last round of each came to. Times are milliseconds."""
    with session_of(ctx, "probe list") as (_instance, session, _scope):
        rows = [
            {
                "target": target.code,
                "address": target.address,
                "method": target.method,
                "every s": target.every_s,
                "active": "yes" if target.active else "no",
                "last round": "" if latest is None else f"{_instant(latest):%Y-%m-%d %H:%M:%SZ}",
                **({} if latest is None else _say_latest(latest)),
                "remark": target.last_problem,
            }
            for target, latest in _read_latest(session)
        ]
    if as_json:
        print_json(rows)
        return
    columns = (
        "target", "address", "method", "every s", "active", "last round", "loss", "round trip",
        "jitter", "remark",
    )  # fmt: skip
    print_table("", columns, [[row.get(name, "") for name in columns] for row in rows])
    if not rows:
        click.echo("No targets yet: enter them under Network, Probe targets, or by the API.")


@probe.command("run")
@click.argument("target")
@click.option("--tcp", "tcp_port", type=click.IntRange(1, 65_535), help="Connect to this port.")
@click.option("--count", type=click.IntRange(1, MOST_ECHOES), help="Echoes. Default: 5.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def run_target(
    ctx: click.Context, target: str, tcp_port: int | None, count: int | None, as_json: bool
) -> None:
    """Ask TARGET now, by its code or by an address inside the allowed networks.

    Shows each echo and what the round comes to; keeps nothing. Ends with 1 when none is answered.
    """
    with session_of(ctx, "probe run") as (instance, session, _scope):
        planned = _plan(session, instance.settings, target, tcp_port, count)
    if planned.problem:
        raise click.ClickException(f"Nothing was sent: {planned.problem}")
    [round_] = asyncio.run(run_rounds([planned.target])).rounds
    figures = figure_round(round_.rtts_us)
    if as_json:
        print_json(
            {
                "address": round_.target.address,
                "way": round_.way,
                "instead_of": round_.instead_of,
                "rtts_us": round_.rtts_us,
                "unsent": round_.unsent,
                "problem": round_.problem,
                "late": round_.late,
                "duplicates": round_.duplicates,
                **asdict(figures),
            }
        )
    else:
        show_round(round_, figures)
    if not figures.received:
        ctx.exit(1)


def _plan(
    session: Session, settings: Settings, text: str, tcp_port: int | None, count: int | None
) -> Round:
    saved = session.scalars(select(ProbeTarget).where(ProbeTarget.code == text)).first()
    if saved is not None:
        planned = plan_round(settings, saved)
        if planned.problem or (tcp_port is None and count is None):
            return planned
        asked = planned.target
        method = asked.method if tcp_port is None else "tcp"
        return Round(
            EchoTarget(
                asked.key, asked.address, method, tcp_port or asked.tcp_port, count or asked.count
            )
        )
    if not any(each in text for each in ".:"):
        raise NotFoundError("No target is called %(name)s; dcim probe list names them.", name=text)
    address = check_address(settings, text)
    try:
        return Round(
            EchoTarget(0, address, "icmp" if tcp_port is None else "tcp", tcp_port, count or 5)
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="TARGET") from error


def show_round(round_: Round, figures: Figures) -> None:
    by = f" by {round_.way}" if round_.way else ""
    click.echo(
        f"{round_.target.address}{by}" + (f" ({round_.instead_of})" * bool(round_.instead_of))
    )
    for number, rtt in enumerate(round_.rtts_us, start=1):
        click.echo(f"  echo {number}: {'no answer' if rtt is None else f'{_ms(rtt)} ms'}")
    if round_.unsent:
        click.echo(f"  {round_.unsent} not sent: {round_.problem}")
    if round_.late or round_.duplicates:
        click.echo(f"  {round_.late} answers came too late, {round_.duplicates} came twice")
    if figures.loss_ppm is None:
        click.echo("Nothing was sent, so nothing is known of it.")
        return
    lost = figures.sent - figures.received
    click.echo(f"{lost} of {figures.sent} lost: {_percent(figures.loss_ppm)}")
    if figures.mean_us is not None:
        times = (figures.min_us, figures.mean_us, figures.max_us)
        told = " / ".join(_ms(each) for each in times if each is not None)
        click.echo(f"round trip least / mean / most: {told} ms")
    if figures.jitter_us is not None and figures.pdv_us is not None:
        click.echo(
            f"jitter: {_ms(figures.jitter_us)} ms (mean difference of successive answers);"
            f" slowest over fastest: {_ms(figures.pdv_us)} ms"
        )


def _read_latest(session: Session) -> list[tuple[ProbeTarget, Latest | None]]:
    rows = session.execute(
        select(ProbeTarget, Series.id)
        .outerjoin(Series, Series.probe_target_id == ProbeTarget.id)
        .order_by(ProbeTarget.code)
    ).all()
    known = [series_id for _, series_id in rows if series_id is not None]
    latest = PostgresSampleStore().latest(session, PROBE.name, known)
    return [(target, latest.get(series_id)) for target, series_id in rows]


def _instant(latest: Latest) -> dt.datetime:
    return dt.datetime.fromtimestamp(latest.ts / 1000, dt.UTC)


def _say_latest(latest: Latest) -> dict[str, str]:
    found = latest.values
    if not found["sent"]:
        return {"loss": "unknown"}
    said = {"loss": _percent(measure_loss(found["sent"], found["received"]))}
    if found["mean_us"] != NOT_REPORTED:
        said["round trip"] = f"{_ms(found['mean_us'])} ms"
    if found["jitter_us"] != NOT_REPORTED:
        said["jitter"] = f"{_ms(found['jitter_us'])} ms"
    return said


def _ms(microseconds: int) -> str:
    return f"{microseconds // 1000}.{microseconds % 1000:03d}"


def _percent(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm % 10_000:04d} %"
