"""A sheet of 10,000 devices, checked and written, beside one of 1,000; statements a row counted.

The bound is 60 s from the file to the last row. The sheet is in GB18030 with Chinese headers, each
row with a type, a customer, a serial number and an asset tag of its own.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import event, select

from dcim.customers.models import Customer
from dcim.db import transaction
from dcim.inventory.models import DeviceType
from dcim.network.equipping import DEVICE
from dcim.records.imports import check_import, open_import, write_import
from tests.benchmarks.estate import SCOPE, Estate, Say, running_estate

# A house that is in use already: types, customers and names to compare with.
RACKS = 500
FEW, MANY = 1_000, 10_000
BOUND_S = 60


@dataclass(frozen=True)
class Took:
    check_s: float
    write_s: float
    statements: int

    @property
    def whole_s(self) -> float:
        return self.check_s + self.write_s


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    with running_estate(racks, say) as estate:
        few = bring(estate, FEW, "few")
        say(f"{FEW} rows: {few.whole_s:.1f} s")
        many = bring(estate, MANY, "many")
        say(f"{MANY} rows: {many.whole_s:.1f} s")
    verdict = "within" if many.whole_s <= BOUND_S else "**over**"
    return [
        ("Devices there before", f"{10 * racks}"),
        (f"{FEW} rows", f"{few.whole_s:.1f} s"),
        (f"{MANY} rows: checked, written", f"{many.check_s:.1f} s, {many.write_s:.1f} s"),
        ("Whole", f"{many.whole_s:.1f} s ({verdict} {BOUND_S} s)"),
        ("A row, of many beside of few", f"{many.whole_s / few.whole_s * FEW / MANY:.2f} ×"),
        (
            "Statements a row",
            f"{many.statements / MANY:.3f} (of {FEW}: {few.statements / FEW:.3f})",
        ),
    ]


def bring(estate: Estate, rows: int, tag: str) -> Took:
    with transaction(estate.sessions, SCOPE) as session, counted(session.get_bind()) as statements:
        kind = session.scalars(select(DeviceType).order_by(DeviceType.id).limit(1)).one()
        codes = session.scalars(select(Customer.code).order_by(Customer.id).limit(50)).all()
        content = write_sheet(f"{kind.manufacturer}/{kind.model}", list(codes), rows, tag)
        statements.clear()
        began = time.perf_counter()
        run = open_import(session, SCOPE, DEVICE, "devices.csv", content)
        check_import(session, SCOPE, DEVICE, run)
        checked = time.perf_counter()
        if run.state != "ready":
            raise RuntimeError(f"the sheet was refused: {run.problems[:3]}")
        write_import(session, SCOPE, DEVICE, run)
        written = time.perf_counter()
        if run.created != rows:
            raise RuntimeError(f"{run.created} of {rows} rows were written: {run.problems[:3]}")
        return Took(checked - began, written - checked, len(statements))


def write_sheet(kind: str, customers: list[str], rows: int, tag: str) -> bytes:
    lines = ["名称,型号,用途,客户,序列号,资产编号"]
    for n in range(rows):
        owner = customers[n % len(customers)]
        lines.append(f"{tag}-{n:06},{kind},server,{owner},SN{tag}{n:07},T{tag}{n:07}")
    return "\r\n".join(lines).encode("gb18030")


@contextmanager
def counted(engine: object) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2])[:20])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
