"""`dcim up`, `web`, `worker`, `clock` and `shell`: the processes of an instance."""

import code
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from dcim import jobs, supervisor
from dcim.accounts.people import ensure_roles
from dcim.accounts.scope import Scope
from dcim.alarms.defaults import ensure_rules
from dcim.columns import utc_now
from dcim.commands.output import instance_of
from dcim.config import choose_data_folder, load_settings, write_settings_file
from dcim.db import transaction
from dcim.instance import Instance, locate_instance
from dcim.observability import configure_logging
from dcim.postgres import EmbeddedServer
from dcim.preflight import StartRefusedError, check_directory

# Neither polling nor probing nor alarms ever share a process with PDF rendering.
POLLING_QUEUES = (jobs.POLL, jobs.PROBE, jobs.WATCH)
OTHER_QUEUES = tuple(queue for queue in jobs.QUEUES if queue not in POLLING_QUEUES)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 8080, or DCIM_PORT.")
@click.option("--host", help="Address to listen on. Default: 127.0.0.1, or DCIM_HOST.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="The instance's folder."
)
@click.option("--no-demo", is_flag=True, help="Start empty: no demo data, no simulated agents.")
@click.pass_context
def up(
    ctx: click.Context, port: int | None, host: str | None, data: Path | None, no_demo: bool
) -> None:
    """Start everything in the foreground; Ctrl-C stops what it started."""
    folder = choose_data_folder(data or ctx.find_root().obj)
    try:
        check_directory(folder)
    except StartRefusedError as error:
        raise click.ClickException(str(error)) from error
    from dcim.commands import demo as demo_start

    demo = not no_demo
    write_settings_file(folder, demo_start.SETTINGS if demo else None)
    # Children read the same settings; what was said on this command line goes to all of them.
    os.environ["DCIM_DATA"] = str(folder)
    if port is not None:
        os.environ["DCIM_PORT"] = str(port)
    if host is not None:
        os.environ["DCIM_HOST"] = host
    settings = load_settings(folder)
    instance = locate_instance_later(folder)
    embedded = None if settings.database_url else EmbeddedServer(folder)
    announced: list[str] = []

    def migrate(say: supervisor.Say) -> None:
        found = instance()
        say(f"schema at revision {found.upgrade()}")
        sessions = found.make_sessions(pool_size=1)
        with transaction(sessions, Scope.system("up")) as session:
            ensure_roles(session)
            ensure_rules(session)
        sessions.kw["bind"].dispose()

    preparations = [supervisor.Preparation("Preparing the database", migrate)]
    processes = [
        supervisor.web(settings.host, settings.port),
        supervisor.command("worker", "--polling"),
        supervisor.command("worker", "--others"),
        supervisor.command("clock"),
    ]
    if settings.trap_listen is not None:
        processes.append(supervisor.command("traps"))
    if settings.syslog_in_listen is not None:
        processes.append(supervisor.command("syslog"))
    if demo:
        preparations += demo_start.prepare(instance, announced)
        # First, so that the first poll finds them.
        processes.insert(0, supervisor.command("demo", "agents"))
    else:
        announced.append("Make the first administrator: ./dev dcim person create --help")

    def announce() -> str:
        return "\n".join([f"Jifang is at {settings.base_url}", *announced, "Ctrl-C stops it."])

    raise SystemExit(
        supervisor.run(
            folder,
            host=settings.host,
            port=settings.port,
            server=embedded,
            preparations=preparations,
            processes=processes,
            announce=announce,
        )
    )


def locate_instance_later(folder: Path) -> Callable[[], Instance]:
    """The embedded server's URLs exist only once it has been initialised."""
    return lambda: locate_instance(load_settings(folder))


@click.command()
@click.pass_context
def web(ctx: click.Context) -> None:
    """Serve the pages and the API by gunicorn."""
    folder = choose_data_folder(ctx.find_root().obj)
    os.environ["DCIM_DATA"] = str(folder)
    settings = load_settings(folder)
    argv = supervisor.web(settings.host, settings.port).argv
    os.execv(argv[0], list(argv))  # noqa: S606 - becomes gunicorn, so that signals reach it


@click.command()
@click.option("--polling", is_flag=True, help="Only poll devices, probe targets and raise alarms.")
@click.option("--others", is_flag=True, help="Everything but polling, probing and alarms.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    help="Jobs at once. Default: 16 with --polling, where most of the time is waiting; else 4.",
)
@click.pass_context
def worker(ctx: click.Context, polling: bool, others: bool, concurrency: int | None) -> None:
    """Carry out jobs: polls, incidents, closing days, statements."""
    queues = POLLING_QUEUES if polling else OTHER_QUEUES if others else jobs.QUEUES
    with instance_of(ctx) as instance:
        settings = instance.settings
        name = "poller" if polling else "worker"
        configure_logging(settings.log_level, as_json=settings.log_json, process=name)
        workplace = jobs.Workplace(
            settings, instance.make_sessions(), issue_statements=issue_period
        )
        jobs.run_worker(
            instance.app_url, workplace, queues, concurrency=concurrency or (16 if polling else 4)
        )


def issue_period(workplace: jobs.Workplace, period: str, everyone: bool) -> Mapping[str, object]:
    """The clock's job: issue what is due of the month and say what came of it."""
    from dcim.statements.monthly_run import issue_month

    run = issue_month(
        workplace.sessions,
        Scope.system("issue-statements"),
        workplace.settings,
        period,
        due_at=None if everyone else utc_now(),
    )
    return {
        "issued": len(run.issued),
        "new": sum(one.new for one in run.issued),
        "needs_review": sum(one.verdict == "needs_review" for one in run.issued),
        "held": [asdict(one) for one in run.held],
        "failed": [asdict(one) for one in run.failed],
    }


@click.command()
@click.pass_context
def clock(ctx: click.Context) -> None:
    """Decide what is due. Of several clocks one leads; another takes over when it dies."""
    from dcim.due import run_clock

    with instance_of(ctx) as instance:
        settings = instance.settings
        configure_logging(settings.log_level, as_json=settings.log_json, process="clock")
        run_clock(instance.app_url, settings)


@click.command()
@click.pass_context
def shell(ctx: click.Context) -> None:
    """A Python prompt with `session` (staff's reach), `instance` and the models."""
    from dcim import models

    scope = Scope.system("shell")
    with instance_of(ctx) as instance, instance.make_sessions()() as session:
        session.use_scope(scope)
        names = {"session": session, "instance": instance, "scope": scope, "models": models}
        code.interact(
            banner=f"Jifang in Python {sys.version.split()[0]}: {', '.join(names)}", local=names
        )
