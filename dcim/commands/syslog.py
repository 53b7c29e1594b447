"""`dcim syslog`: receive syslog messages until it is stopped."""

import click

from dcim.commands.output import instance_of
from dcim.commands.traps import queue_polls, run_until_stopped
from dcim.observability import configure_logging
from dcim.syslog.receiver import SyslogReceiver


@click.command()
@click.pass_context
def syslog(ctx: click.Context) -> None:
    """Receive syslog messages over UDP at DCIM_SYSLOG_IN_LISTEN."""
    with instance_of(ctx) as instance:
        settings = instance.settings
        if settings.syslog_in_listen is None:
            raise click.ClickException("DCIM_SYSLOG_IN_LISTEN is empty: no syslog is received.")
        configure_logging(settings.log_level, as_json=settings.log_json, process="syslog")
        run_until_stopped(
            SyslogReceiver(settings, instance.make_sessions(pool_size=3), queue_polls)
        )
