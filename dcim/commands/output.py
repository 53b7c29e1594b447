"""How commands speak: tables for people, JSON for programs, one instance for all of them."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, transaction
from dcim.instance import Instance, open_instance

console = Console(highlight=False)
# Progress and remarks: never mixed into what a program reads from stdout.
remarks = Console(stderr=True, highlight=False)


@contextmanager
def instance_of(ctx: click.Context) -> Iterator[Instance]:
    """The instance that --data, DCIM_DATA or the default names, its database up and current."""
    data: Path | None = ctx.find_root().obj
    with open_instance(data) as instance:
        instance.check_schema()
        yield instance


@contextmanager
def session_of(ctx: click.Context, command: str) -> Iterator[tuple[Instance, ScopedSession, Scope]]:
    """One transaction with staff's reach; the audit log names the command."""
    scope = Scope.system(command)
    with instance_of(ctx) as instance:
        sessions = instance.make_sessions(pool_size=1)
        with transaction(sessions, scope) as session:
            yield instance, session, scope
        sessions.kw["bind"].dispose()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table as wide as it needs to be: a pipe gets every column whole."""
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for name in columns:
        number = name.endswith(("bps", "octets", "W", "U", "total", "¥"))
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if not sys.stdout.isatty():
        Console(highlight=False, width=500).print(table)
    else:
        console.print(table)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
