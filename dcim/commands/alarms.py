"""`dcim alarms`: what is on, and a rule tried on what was measured."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from dcim.alarms.governing import changes_of, rule_of
from dcim.alarms.queries import SHOWS, AlarmFilter, list_alarms
from dcim.alarms.reading_words import say_detail, say_value
from dcim.alarms.trying import find_by_code, retype, try_rule
from dcim.columns import utc_now
from dcim.commands.output import print_json, print_table, remarks, session_of
from dcim.paging import Paging


@click.group()
def alarms() -> None:
    """List alarms; try rules on stored samples."""


@alarms.command("list")
@click.option("--show", type=click.Choice(SHOWS), default="open", show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(ctx: click.Context, show: str, as_json: bool) -> None:
    """The first hundred, open ones first, gravest first."""
    with session_of(ctx, "alarms list") as (_instance, session, scope):
        wanted, now = AlarmFilter(show=show), utc_now()
        rows = list_alarms(session, scope, wanted, Paging(1, 100), now=now).items
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    print_table(
        "",
        ("id", "severity", "rule", "on", "value", "raised", "over", "acknowledged by", "incident"),
        [
            (
                row.id, row.severity, row.rule_code, row.label,
                _read(row.quantity, row.kind, row.value, row.detail), _say(row.raised_at),
                _say(row.cleared_at), row.acknowledged_by,
                f"INC-{row.incident_id}" if row.incident_id else "",
            )
            for row in rows
        ],
    )  # fmt: skip


@alarms.command("test")
@click.argument("code")
@click.option("--days", type=click.IntRange(1, 92), default=31, show_default=True)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]),
    help="UTC. Default: now.",
)  # fmt: skip
@click.option("--raise-at", type=float, help="Another limit than the rule has now.")
@click.option("--clear-at", type=float)
@click.option("--raise-for", "raise_for_s", type=int, help="Seconds.")
@click.option("--clear-for", "clear_for_s", type=int, help="Seconds.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def test_rule(
    ctx: click.Context,
    code: str,
    days: int,
    until: dt.datetime | None,
    raise_at: float | None,
    clear_at: float | None,
    raise_for_s: int | None,
    clear_for_s: int | None,
    as_json: bool,
) -> None:
    """How often rule CODE would have fired on what was measured, and on what."""
    with session_of(ctx, "alarms test") as (_instance, session, scope):
        row = find_by_code(session, scope, code)
        limits = {
            "raise_at": raise_at, "clear_at": clear_at,
            "raise_for_s": raise_for_s, "clear_for_s": clear_for_s,
        }  # fmt: skip
        said = {name: value for name, value in limits.items() if value is not None}
        end = (until.replace(tzinfo=dt.UTC) if until else utc_now()).timestamp()
        found = try_rule(
            session,
            scope,
            retype(rule_of(row), said),
            round((end - days * 86_400) * 1000),
            round(end * 1000),
            changes=changes_of(row.overrides),
            progress=lambda done, total: remarks.print(f"{done} of {total} subjects"),
        )
    if as_json:
        print_json(asdict(found))
        return
    click.echo(
        f"{code} would have fired {found.fired} times in {days} days, on {found.hit} of"
        f" {found.subjects} subjects; {found.flapping} flapping, {found.open} not over;"
        f" {found.silent} subjects had no reading."
    )
    print_table(
        "",
        ("raised", "over", "lasted", "on", "value"),
        [
            (
                _say(_instant(one.raised_ms)),
                _say(None if one.cleared_ms is None else _instant(one.cleared_ms)),
                dt.timedelta(seconds=one.ms // 1000),
                one.label,
                _read(row.quantity, row.kind, one.value, one.detail),
            )
            for one in found.firings
        ],
    )


def _read(quantity: str, kind: str, value: float, detail: Mapping[str, Any] | None) -> str:
    said = say_value(quantity, kind, value), say_detail(detail)["en"]
    return "; ".join(one for one in said if one)


def _instant(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


def _say(instant: dt.datetime | None) -> str:
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M:%SZ}"
