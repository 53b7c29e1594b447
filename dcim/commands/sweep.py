"""`dcim snmp sweep`: poll every target of a file once with the normal port plan."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcim.commands.output import print_json, print_table

if TYPE_CHECKING:
    from dcim.snmp.wire.sweep import SweepReport


class BadListError(click.ClickException):
    """The file of targets can't be read as one."""

    exit_code = 2


@click.command("sweep")
@click.option(
    "--targets",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A line a target: ADDRESS[:PORT] COMMUNITY, [IPv6]:PORT too; # begins a comment.",
)
@click.option(
    "--timeout", type=click.FloatRange(0.05, 60), default=2.0, show_default=True, help="Seconds."
)
@click.option("--retries", type=click.IntRange(0, 10), default=1, show_default=True)
@click.option(
    "--window",
    type=click.IntRange(1, 4096),
    default=512,
    show_default=True,
    help="Requests in flight, of all targets together; one target has one.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def sweep_targets(
    ctx: click.Context, targets: Path, timeout: float, retries: int, window: int, as_json: bool
) -> None:
    """Poll every target of a file once over SNMP v2c: sysUpTime and eight columns per port.

    Prints how many answered, what it took, and what was dropped. Exit code 0: the sweep was
    made; 1: nobody answered; 2: the file or an option is wrong.
    """
    from dcim.snmp.agents.target_list import TargetListError, read_targets
    from dcim.snmp.wire.sweep import sweep

    try:
        with targets.open(encoding="utf-8") as lines:
            listed = read_targets(lines)
    except TargetListError as error:
        raise BadListError(f"{targets}: {error}") from error
    except UnicodeDecodeError as error:
        raise BadListError(f"{targets}: not UTF-8") from error
    report = sweep(listed, window=window, timeout_s=timeout, retries=retries)
    if as_json:
        print_json(report.to_json())
    else:
        show_report(report)
    ctx.exit(1 if report.failed and not report.ok else 0)


def show_report(report: "SweepReport") -> None:
    rows: list[tuple[str, object]] = [
        ("answered", report.ok),
        ("failed", report.failed),
        *((f"  {reason}", count) for reason, count in sorted(report.failures.items())),
        ("requests", report.requests),
        ("varbinds", report.varbinds),
        ("seconds", f"{report.wall_s:.2f}"),
        ("CPU seconds", f"{report.cpu_s:.2f}"),
        ("peak memory", f"{report.peak_rss_bytes / 1e6:.0f} MB"),
        ("dropped", sum(report.drops.values())),
        *((f"  {reason}", count) for reason, count in sorted(report.drops.items())),
    ]
    print_table("", ("", "total"), rows)
