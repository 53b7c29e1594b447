"""`dcim traps`: receive traps and informs until it is stopped; look at what came."""

import signal
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import click
from sqlalchemy.orm import Session

from dcim import jobs
from dcim.commands.output import instance_of
from dcim.intake.receiver import Receiver
from dcim.observability import configure_logging
from dcim.snmp.traps.receiver import TrapReceiver


@click.command()
@click.pass_context
def traps(ctx: click.Context) -> None:
    """Receive SNMP traps and informs at DCIM_TRAP_LISTEN."""
    with instance_of(ctx) as instance:
        settings = instance.settings
        if settings.trap_listen is None:
            raise click.ClickException("DCIM_TRAP_LISTEN is empty: no traps are received.")
        configure_logging(settings.log_level, as_json=settings.log_json, process="traps")
        run_until_stopped(TrapReceiver(settings, instance.make_sessions(pool_size=3), queue_polls))


def run_until_stopped(receiver: Receiver[Any, Any]) -> None:
    """Until SIGTERM or SIGINT."""

    def stop(signum: int, frame: FrameType | None) -> None:
        receiver.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    receiver.run()


def queue_polls(session: Session, due: Mapping[int, Sequence[int]]) -> list[int]:
    """Have these agents polled as soon as their shard isn't; one such job of a shard may wait.

    It goes before nothing: the shard's own poll must not wait for what is asked between.
    """
    return [
        shard
        for shard, agent_ids in due.items()
        if jobs.defer(
            session,
            "poll_shard",
            queue=jobs.POLL,
            lock=f"poll:{shard}",
            queueing_lock=f"poll-soon:{shard}",
            shard=shard,
            agent_ids=list(agent_ids),
        )
    ]
