"""Long lists of a large customer: what is printed adds up to what is due, and fits its pages."""

import io
import re
import zlib
from decimal import Decimal
from typing import Any

import pikepdf
import pytest

from reports import extracts
from reports.attachments import Attachment
from reports.render import lay_out, page_markup, render
from tests.unit.reports import samples


def ledger(rents: int) -> list[dict[str, Any]]:
    line = {"item": None, "text": {"zh": "z", "en": "e"}, "clause": "3"}
    return [
        *({**line, "key": f"rent:{n}", "kind": "rent", "amount": f"{n}.50"} for n in range(rents)),
        {**line, "key": "credit:a", "kind": "credit", "amount": "-7.25"},
    ]


@pytest.mark.parametrize("rents", [1, extracts.ROWS_IN_BODY, extracts.ROWS_IN_BODY + 1, 300])
def test_printed_lines_add_up_to_all_of_them(rents: int) -> None:
    lines = ledger(rents)
    rows = extracts.ledger_rows(lines)
    total = sum(Decimal(line["amount"]) for line in lines)
    assert sum(Decimal(row["amount"]) for row in rows) == total
    assert len(rows) == min(rents, extracts.ROWS_IN_BODY + 1) + 1
    assert sum(row["count"] for row in rows) == max(rents - extracts.ROWS_IN_BODY, 0)
    # What is given back is always told line by line, and last.
    assert (rows[-1]["kind"], rows[-1]["count"]) == ("credit", 0)


def test_items_left_out_are_told_as_a_sum() -> None:
    items = [{"mrc": "2.00", "rent": "1.25"} for _ in range(50)]
    shown, rest = extracts.item_rows(items)
    assert len(shown) == 40
    assert rest == {"count": 10, "mrc": "20.00", "rent": "12.50"}
    assert extracts.item_rows(items[:40]) == (items[:40], None)


def test_series_that_lack_most_are_told() -> None:
    series = [{"missing": n} for n in range(60)]
    shown, rest = extracts.coverage_rows(series)
    assert ([one["missing"] for one in shown][:2], len(shown), rest) == ([59, 58], 40, 20)


def test_files_of_measurements_are_told_by_folder() -> None:
    files = [{"name": name, "bytes": 5} for name in ("facts.json", "terms.yaml")]
    files += [{"name": f"bins/{n}.csv", "bytes": 2} for n in range(45)]
    named, folders = extracts.manifest_rows(files)
    assert [part["name"] for part in named] == ["facts.json", "terms.yaml"]
    assert folders == [{"name": "bins", "count": 45, "bytes": 90}]


def lowest_drawings(statement: dict[str, Any]) -> list[tuple[float, float]]:
    """Of each page where its lowest drawing ends and where its content may end (px)."""
    found = []
    for page in lay_out(page_markup(statement, small=False)).pages:
        box = page._page_box
        ends = [
            one.position_y + one.height
            for one in box.descendants()
            if one.element is not None and one.element.tag.endswith("svg")
        ]
        found.append((max(ends, default=0.0), box.content_box_y() + box.height))
    return found


def many_missed(language: str, services: int) -> dict[str, Any]:
    statement = samples.many(language, services)
    for metric in statement["metrics"]:
        metric |= {"result": "breached", "downtime_s": 600}
    return statement


@pytest.mark.slow
def test_no_drawing_runs_out_of_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = many_missed("en", 57)
    assert all(end <= limit + 1 for end, limit in lowest_drawings(statement)[1:])
    # The control: in one piece the grid and the timeline run over the foot.
    monkeypatch.setattr(extracts, "GRID_ROWS", 1000)
    monkeypatch.setattr(extracts, "LANES", 1000)
    assert any(end > limit + 1 for end, limit in lowest_drawings(statement)[1:])


def customer_of(ports: int) -> tuple[dict[str, Any], list[Attachment]]:
    """A tenth of the ports busy at 2 Gbit/s, a third at 20 Mbit/s, the others standing by; each
    with a bin every five minutes; random, so that nothing repeats."""
    import random

    dice = random.Random(5)
    files = []
    for port in range(ports):
        top = 2 * 10**9 if port % 10 == 0 else 20 * 10**6 if port % 3 == 0 else 2_000
        rows = ["start,in_octets,out_octets,covered_ms"]
        for bin_ in range(8928):
            day, minute = divmod(bin_ * 5, 1440)
            octets = [int(top * dice.uniform(0.2, 1) * 300 / 8) for _ in "io"]
            rows.append(
                f"2026-10-{day + 1:02}T{minute // 60:02}:{minute % 60:02}:00Z,"
                f"{octets[0]},{octets[1]},300000"
            )
        data = "\n".join(rows).encode()
        files.append(Attachment(f"bins/P{port}.csv", data, "text/csv", "bins"))
    statement = samples.many("zh", ports)
    for metric in statement["metrics"][3:]:
        metric |= {"downtime_s": 0, "unknown_s": 0, "trace": [], "availability_pct": "100.000000"}
    line = next(one for one in statement["ledger"] if one["kind"] == "usage")
    item = statement["items"][1]
    statement["ledger"] += [{**line, "key": f"usage:P{n}"} for n in range(ports)]
    statement["items"] += [{**item, "id": f"P{n}"} for n in range(ports)]
    part = statement["manifest"][0]
    statement["manifest"] += [{**part, "name": file.name} for file in files]
    return statement, files


@pytest.mark.slow
def test_three_hundred_ports_are_a_file_one_can_mail_and_read() -> None:
    statement, files = customer_of(300)
    pdf = render(statement, files)
    assert len(pdf) < 30_000_000
    # The control: deflated as everything else is, they are above.
    assert sum(len(zlib.compress(file.data)) for file in files) > 30_000_000
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert len(opened.pages) <= 40
        assert len(opened.attachments) == 301
    page = page_markup(statement, small=False)
    assert re.search(r"另 \d+ 项，逐项见附件 statement\.json", page)
