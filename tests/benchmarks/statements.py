"""A month's statements drawn, signed and checked for size: as issued, beside stock WeasyPrint.

Each statement is another customer's: seven pages with charts, day grid and evidence, in Chinese,
and the month's CSVs attached (8,926 billing bins of a port, 8,928 of each of two feeds, 8,928
readings of a sensor: the heavy end; a statement of four pages with one such CSV is lighter). They
go through the press as the monthly run sends them, two processes on two cores, and are signed one
after the other in the process that books them. Stock is the same HTML, style and attachments given
to WeasyPrint's own `write_pdf`, in one process that has it loaded: no style kept, streams
compressed by WeasyPrint. The bound is 1,000 statements of four pages within 14 minutes, that is
285 pages a minute. The size (`--racks`) is the number of statements.
Memory is that of the largest process, looked at after every tenth statement; its slope is that of
the straight line through what was seen after the first twenty; why the press replaces its
processes is told [with the statement](../statement.md#what-drawing-takes-of-memory).
What a page and an attachment cost is told by drawing the same statements with their files and
without them, one after the other in this process.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import Any

from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose
from dcim.statements.files import count_pages, pack_inputs
from dcim.statements.press import Press, open_press
from dcim.statements.printing import attach
from reports.render import page_markup, render
from reports.sign import generate_signer, sign
from tests.benchmarks.estate import Say
from tests.statements.examples import breached_inputs

RACKS = 200
STOCK = 10  # statements that stock WeasyPrint draws, to compare with
AHEAD = 4  # as the monthly run keeps its press busy
LOOK, WARM = 10, 20  # memory is looked at after so many statements, and tells after so many
WANTED_PAGES, WANTED_MIN = 4000, 14
SIGNED_AT = datetime(2026, 11, 1, 2, tzinfo=UTC)

Job = tuple[Mapping[str, Any], bytes]


def run(racks: int, say: Say) -> list[tuple[str, str]]:
    base = breached_inputs("zh")
    with TemporaryDirectory(prefix="bench-") as folder:
        signer = generate_signer(Path(folder), "示例云港")
        with open_press() as press:
            press.print(*next(make_jobs(base, 1))).result()  # both processes are warm
            first = sizes(press)
            seen: list[tuple[int, int]] = []
            began, signing, pages, size = time.monotonic(), 0.0, 0, 0
            line: list[Any] = []
            for number, job in enumerate(make_jobs(base, racks), 1):
                line.append(press.print(*job))
                if len(line) == AHEAD or number == racks:
                    for done in line if number == racks else [line[0]]:
                        unsigned = done.result()
                        start = time.monotonic()
                        signed = sign(unsigned, signer, SIGNED_AT)
                        signing += time.monotonic() - start
                        pages, size = pages + count_pages(signed), size + len(signed)
                    del line[: None if number == racks else 1]
                if number % LOOK == 0:
                    seen.append((number, max(sizes(press), default=0)))
                if number % 50 == 0:
                    say(f"{number} statements, largest process {seen[-1][1]} MB")
            took = time.monotonic() - began
    say("what a page and a file cost")
    page_ms, file_ms, count = find_costs(base)
    say("stock WeasyPrint")
    stock_s, stock_pages = draw_stock(base)
    rate, stock_rate = pages / took * 60, stock_pages / stock_s * 60
    return [
        ("Statements, pages", f"{racks}, {pages} ({pages / racks:.1f} each)"),
        ("Size of one", f"{size / racks / 1e6:.2f} MB"),
        ("Drawn, signed, in all", f"{took:.0f} s, composing its inputs among it"),
        ("Pages a minute", f"{rate:.0f}; the bound is {WANTED_PAGES / WANTED_MIN:.0f}"),
        ("1,000 statements of four pages", f"{WANTED_PAGES / rate:.1f} min; the bound is 14"),
        ("Signing alone", f"{signing / racks * 1000:.0f} ms a statement"),
        ("One page, without files", f"{page_ms:.0f} ms on one core"),
        ("One attached file", f"{file_ms:.1f} ms on one core; {count} of them"),
        ("Largest process", f"{max(first)} MB at first, at most {max(mb for _, mb in seen)} MB"),
        ("Its slope", say_slope(seen)),
        ("Stock WeasyPrint, one process", f"{stock_rate:.0f} pages a minute"),
        ("Ratio", f"{rate / stock_rate:.2f}"),
    ]


def make_jobs(base: dict[str, Any], count: int) -> Iterator[Job]:
    """Each another customer's: other names, numbers and money, so that nothing can be kept."""
    for number in range(1, count + 1):
        inputs = {
            **base,
            "document": {**base["document"], "number": f"SLA-202610-{number:05d}-01"},
            "customer": {
                "code": f"C{number:05d}",
                "name": {"zh": f"示例客户 {number}", "en": f"Customer {number}"},
            },
            "items": [{**one, "mrc": f"{18_000 + number}.00"} for one in base["items"]],
        }
        composed = compose(inputs)
        yield composed.data, pack_inputs(read_inputs(composed.attachments))[0]


def find_costs(base: dict[str, Any]) -> tuple[float, float, int]:
    """(ms a page, ms a file, files) of `STOCK` statements."""
    inputs = read_inputs(compose(base).attachments)
    files = attach(inputs, "zh")
    bare = with_files = 0.0
    pages = 0
    for number, (document, _packed) in enumerate(make_jobs(base, STOCK)):
        start = time.monotonic()
        pdf = render(document, [])
        middle = time.monotonic()
        render(document, files)
        if number:  # the first one loads fonts
            bare += middle - start
            with_files += time.monotonic() - middle
            pages += count_pages(pdf)
    drawn = STOCK - 1
    return bare / pages * 1000, (with_files - bare) / drawn / len(files) * 1000, len(files)


def sizes(press: Press) -> list[int]:
    """Resident MB of each of its processes."""
    found = []
    for pid in press._pool._processes:
        status = Path(f"/proc/{pid}/status").read_text()
        kilobytes = next(one for one in status.splitlines() if one.startswith("VmRSS"))
        found.append(int(kilobytes.split()[1]) // 1024)
    return found


def say_slope(seen: list[tuple[int, int]]) -> str:
    """MB for each hundred statements; needs two looks after the first ones."""
    told = [one for one in seen if one[0] > WARM]
    if len(told) < 2:
        return f"not told below {WARM + 2 * LOOK} statements"
    line = linear_regression([number for number, _ in told], [mb for _, mb in told])
    return f"{line.slope * 100:+.1f} MB in 100 statements"


def draw_stock(base: dict[str, Any]) -> tuple[float, int]:
    """(seconds, pages) of `STOCK` statements by WeasyPrint's own call."""
    from importlib.resources import files

    from weasyprint import CSS, HTML, Attachment

    style = files("reports").joinpath("print.css").read_text("utf-8")
    pages, took = 0, 0.0
    inputs = read_inputs(compose(base).attachments)
    for number, (document, _packed) in enumerate(make_jobs(base, STOCK)):
        start = time.monotonic()
        pdf = HTML(string=page_markup(document, small=False)).write_pdf(
            stylesheets=[CSS(string=style)],
            pdf_variant="pdf/a-3a",
            attachments=[
                Attachment(string=file.data, name=file.name) for file in attach(inputs, "zh")
            ],
        )
        if number:  # the first one loads fonts
            took += time.monotonic() - start
            pages += count_pages(pdf)
    return took, pages
