"""`dcim`: every command, grouped by who uses it. The commands themselves live in dcim.commands."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dcim.errors import JifangError, SettingsError
from dcim.postgres import PostgresError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is and what the overview says of it; loaded only when it is called."""

    module: str
    attribute: str
    summary: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Run an instance": {
        "up": Entry("processes", "up", "Start everything in the foreground (./dev run does this)"),
        "web": Entry("processes", "web", "Serve the pages and the API"),
        "worker": Entry("processes", "worker", "Poll devices, close days, issue statements"),
        "clock": Entry("processes", "clock", "Decide what is due; start one per host"),
        "syslog": Entry("syslog", "syslog", "Receive syslog messages of devices"),
        "traps": Entry("traps", "traps", "Receive SNMP traps and informs"),
        "demo": Entry("demo", "demo", "A simulated data centre: load it, run its agents"),
    },
    "IDC staff": {
        "snmp": Entry("snmp", "snmp", "Probe devices, keep credentials and polled agents"),
        "alarms": Entry("alarms", "alarms", "List alarms; try a rule on what was measured"),
        "oncall": Entry("on_call", "oncall", "Who is on call now, until when, and who is next"),
        "probe": Entry("probing", "probe", "Loss, latency and jitter: targets, and asking one now"),
        "device-type": Entry(
            "device_types", "device_type", "Bring in device types from files and the catalogue"
        ),
        "import": Entry("records", "import_sheet", "Bring in a sheet of records, all rows or none"),
        "customer": Entry("customers", "customer", "List customers and their contracts"),
        "export": Entry("exports", "export", "Write the report to the regulator as sheets"),
    },
    "Finance": {
        "statement": Entry("statements", "statement", "Issue, list, export and verify statements"),
        "sla": Entry("sla", "sla", "What if: terms and facts from files, judged and explained"),
    },
    "Administrators": {
        "person": Entry("people", "person", "Make accounts; the first administrator starts here"),
        "token": Entry("people", "token", "API tokens"),
        "secrets": Entry("administration", "secrets", "Rotate the keys of sealed secrets"),
        "audit": Entry("administration", "audit", "Verify the audit log"),
        "db": Entry("administration", "db", "Migrate and check the database schema"),
        "backup": Entry("administration", "backup", "Write a backup of a running instance"),
        "restore": Entry("administration", "restore", "Restore a backup into an empty folder"),
        "settings": Entry(
            "administration", "settings", "Check the settings and name what is wrong"
        ),
    },
    "Developers": {
        "shell": Entry("processes", "shell", "A Python prompt with a session"),
        "translations": Entry(
            "translations", "translations", "Keep the Chinese catalogue complete"
        ),
    },
}


class Overview(click.Group):
    """Loads a command's module on demand and lists the commands by user."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for entries in SECTIONS.values() for name in entries]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for entries in SECTIONS.values():
            if name in entries:
                module = importlib.import_module(f"dcim.commands.{entries[name].module}")
                command: click.Command = getattr(module, entries[name].attribute)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.summary) for name, entry in entries.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException(str(error)) from error
        except (JifangError, PostgresError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Overview, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The instance's folder. Default: $DCIM_DATA, else var/default of this checkout.",
)
@click.pass_context
def main(ctx: click.Context, data: Path | None) -> None:
    """Jifang 机房: from the SNMP meter to a signed, verifiable SLA statement."""
    ctx.obj = data


if __name__ == "__main__":
    sys.exit(main())
