"""`dcim snmp spool`: which polls wait on disk for the database."""

import datetime as dt
from dataclasses import asdict

import click

from dcim.commands.output import print_json, print_table
from dcim.config import choose_data_folder, load_settings
from dcim.snmp.polling.spool import Spool


@click.command("spool")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show_spool(ctx: click.Context, as_json: bool) -> None:
    """Polls on this machine that wait for the database. Needs none itself."""
    settings = load_settings(choose_data_folder(ctx.find_root().obj))
    found = Spool(settings.spool_folder, settings.spool_limit_bytes).summary()
    if as_json:
        print_json(asdict(found))
        return
    print_table(
        "",
        ("files", "polls", "first", "last", "bytes", "limit", "damaged files", "dropped polls"),
        [
            (
                found.files,
                found.polls,
                _when(found.first_ms),
                _when(found.last_ms),
                found.octets,
                settings.spool_limit_bytes,
                found.damaged,
                found.dropped,
            )
        ],
    )
    if found.set_aside:
        print_table(
            "Set aside, the newest",
            ("file", "polls", "why"),
            [(each.file, each.polls, each.why) for each in found.set_aside],
        )


def _when(at_ms: int | None) -> str:
    if at_ms is None:
        return ""
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
