"""`dcim snmp walk`: all that lies below OIDs of a device, row by row as it comes in."""

import asyncio
import json
import sys
from contextlib import aclosing
from io import TextIOWrapper
from math import inf
from typing import TYPE_CHECKING, Any

import click

from dcim.commands.asking import asking_options, explain, make_target, read_address
from dcim.commands.mibs import known_names, tell_problems
from dcim.commands.output import remarks
from dcim.config import choose_data_folder, load_settings
from dcim.errors import JifangError
from dcim.snmp.wire.faults import SnmpError

if TYPE_CHECKING:
    from dcim.snmp.mibs.names import MibNames
    from dcim.snmp.wire.ber import Oid, VarBind
    from dcim.snmp.wire.target import Target

MOST = 1_000_000
_MIB_2 = "1.3.6.1.2.1"
# One arc is no OID on the wire, but everybody walks from .1.
_TOPS: dict[str, tuple[int, ...]] = {"0": (0,), "1": (1,), "2": (2,), "iso": (1,)}


class UnknownNameError(JifangError):
    """What was to be walked is no number and no known name."""


class _Printer:
    """Prints rows as they come: lines, or one JSON document that is whole however it ends."""

    def __init__(self, place: str, names: "MibNames | None", as_json: bool, most: int) -> None:
        self._out = sys.stdout
        if isinstance(self._out, TextIOWrapper):
            # A terminal may know less than a device says.
            self._out.reconfigure(errors="backslashreplace")
        self._names, self._as_json, self._most = names, as_json, most
        self._rows = 0
        self.cut = False
        if as_json:
            self._out.write(f'{{"address": {json.dumps(place)}, "rows": [')

    @property
    def rows(self) -> int:
        return self._rows

    def take(self, varbinds: "list[VarBind]") -> None:
        """Print what the limit leaves of these; `cut` says that it left out some."""
        from dcim.snmp.mibs.walk_rows import read_row

        room = self._most - self._rows
        self.cut = len(varbinds) > room
        rows = [read_row(varbind, self._names) for varbind in varbinds[:room]]
        if self._as_json:
            texts = [row.to_json() for row in rows]
            separator = ",\n" if self._rows else "\n"
            self._out.write((separator if texts else "") + ",\n".join(texts))
        else:
            self._out.write("".join(f"{row.line()}\n" for row in rows))
        self._out.flush()
        self._rows += len(rows)

    def end(self, problem: str | None) -> None:
        if self._as_json:
            complete = problem is None and not self.cut
            told = json.dumps({"complete": complete, "problem": problem}, ensure_ascii=False)
            self._out.write(f"\n], {told[1:]}\n")
        self._out.flush()


@click.command("walk")
@click.argument("address")
@click.argument("what", metavar="[OID-or-NAME]...", nargs=-1)
@asking_options
@click.option("--numeric", is_flag=True, help="Numbers and values as they are, no names.")
@click.option(
    "--most",
    type=click.IntRange(1),
    default=MOST,
    show_default=True,
    help="Rows, of all OIDs together.",
)
@click.option("--json", "as_json", is_flag=True, help="One document; octets as hexadecimal.")
@click.pass_context
def walk_agent(
    ctx: click.Context,
    /,
    address: str,
    what: tuple[str, ...],
    numeric: bool,
    most: int,
    as_json: bool,
    **asked: Any,
) -> None:
    """All that the device at ADDRESS[:PORT] has at or below each OID or name, else below mib-2.

    1.3.6.1.2.1.31, ifHCInOctets, IF-MIB::ifName.3 and sysUpTime.0 are taken; names are those of
    dcim snmp names. The address lies in DCIM_SNMP_ALLOWED. The community comes from
    --community-file or DCIM_SNMP_COMMUNITY, SNMP v3 pass phrases from DCIM_SNMP_AUTH and
    DCIM_SNMP_PRIV, or they are asked for.

    Exit code 0: all was read, or as much as --most says; 1: the device didn't answer, or its
    answers end early, repeat or go backwards. What was read until then is printed.
    """
    from dcim.snmp.agents.registration import check_address

    host, port = read_address(address)
    host = check_address(load_settings(choose_data_folder(ctx.find_root().obj)), host)
    wanted = what or (_MIB_2,)
    names: MibNames | None = None
    if not numeric or not all(map(_is_number, wanted)):
        found = known_names(ctx)
        tell_problems(found)
        names = found.names
    roots = [read_root(words, names) for words in wanted]
    target = make_target((host, port), **asked)
    place = f"[{host}]:{port}" if target.is_ipv6 else f"{host}:{port}"
    printer = _Printer(place, None if numeric else names, as_json, most)
    try:
        empty = asyncio.run(walk(target, roots, printer))
    except SnmpError as error:
        problem = explain(error, target)
        rows = f" (after {printer.rows} rows)" if printer.rows else ""
        printer.end(f"{problem}{rows}")
        raise click.ClickException(f"{problem}{rows}") from error
    printer.end(None)
    for at in empty:
        _remark(f"{wanted[at]}: the device has nothing at or below it.")
    if printer.cut:
        _remark(f"Stopped after {most} rows, there are more: --most takes another limit.")


async def walk(target: "Target", roots: "list[Oid]", printer: _Printer) -> list[int]:
    """Print what lies at or below the roots; return which of them, from 0, have nothing."""
    from dcim.snmp.wire.engine import Engine, WalkLimits

    # Rows are printed and forgotten, and a large device takes its time: --most is the bound.
    limits = WalkLimits(varbinds=sys.maxsize, octets=sys.maxsize, seconds=inf)
    empty: list[int] = []
    async with Engine() as engine:
        for at, root in enumerate(roots):
            before = printer.rows
            async with aclosing(engine.walk_on(target, root, limits)) as replies:
                async for rows in replies:
                    printer.take(rows)
                    if printer.cut:
                        return empty
            if printer.rows > before:
                continue
            # As Net-SNMP does: an instance has nothing below it, but has a value itself.
            found = await engine.get(target, [root]) if len(root) > 1 else []
            if all(one.value.missing for one in found):
                empty.append(at)
            else:
                printer.take(found)
                if printer.cut:
                    return empty
    return empty


def read_root(words: str, names: "MibNames | None") -> "Oid":
    """Where to begin; names are needed for names alone. Raises UnknownNameError."""
    from dcim.snmp.mibs.names import MibNameError, MibNames

    if top := _TOPS.get(words.strip().removeprefix(".")):
        return top
    known = names or MibNames()
    try:
        return known.oid_of(words)
    except MibNameError as error:
        alike = ", ".join(map(str, known.alike(words)))
        raise UnknownNameError(
            "%(why)s%(alike)s. dcim snmp names TEXT looks for names like TEXT; dcim snmp mibs"
            " lists the modules whose names are known. A vendor's MIB file goes into the folder"
            " snmp_mibs of the instance; a number needs none.",
            why=error,
            alike=f"; alike: {alike}" if alike else "",
        ) from error


def _is_number(words: str) -> bool:
    return not words.strip().removeprefix(".")[:1].isalpha()


def _remark(words: str) -> None:
    remarks.print(words, markup=False, soft_wrap=True)
