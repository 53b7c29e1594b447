"""`dcim oncall`: who is on call now, until when, and who is next."""

from dataclasses import asdict

import click

from dcim.alarms.oncall.queries import list_calendars
from dcim.columns import utc_now
from dcim.commands.output import print_json, print_table, session_of


@click.group()
def oncall() -> None:
    """Who is on call."""


@oncall.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def now(ctx: click.Context, as_json: bool) -> None:
    """Who is on call now by each calendar, until when, who is next, where nobody will be."""
    with session_of(ctx, "oncall now") as (_instance, session, scope):
        rows = list_calendars(session, scope, utc_now())
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    print_table(
        "",
        ("calendar", "on call", "by", "until", "then", "gaps ahead"),
        [
            (
                row.name,
                row.now.person or "NOBODY",
                row.now.by,
                f"{row.now.ends_at:%Y-%m-%d %H:%MZ}",
                "" if row.then is None else row.then.person or "NOBODY",
                len(row.gaps),
            )
            for row in rows
        ],
    )
