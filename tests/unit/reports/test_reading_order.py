"""What is heard follows what is seen: the order of the tags is that of the pages.

Of any two neighbours in the tree (blocks of a section, rows, cells, words of a line) the later
one lies below the earlier, or beside it to its right. Boxes are around all that a neighbour draws
on the page, so that columns and cards count as wholes. Pages never go back.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pikepdf
import pytest

from reports import finishing
from reports.render import render
from tests.unit.reports import samples
from tests.unit.reports.damaging import Harm, damage
from tests.unit.reports.placement import Box, Node, Placed, place, read_tree
from tests.unit.reports.test_trend import with_trend

Rendered = Callable[[str], bytes]
SLACK = 1.5  # points: letters of one line on the next


def faults(raw: bytes) -> list[str]:
    """What of the file's order isn't as seen."""
    with pikepdf.open(io.BytesIO(raw)) as pdf:
        placed = [place(page) for page in pdf.pages]
        tree = read_tree(pdf)
        return [
            *owning(tree, placed, pdf), *paging(tree), *ordering(tree, placed),
            *enclosing(tree, placed),
        ]  # fmt: skip


def owning(tree: Node, placed: list[Placed], pdf: pikepdf.Pdf) -> Iterator[str]:
    """ISO 14289-1, 7.1: each piece is in the tree once, or is an artifact."""
    told = Counter((piece.page, piece.mcid) for piece in tree.pieces())
    drawn = Counter((page, mcid) for page, one in enumerate(placed) for mcid in one.marked)
    for page, mcid in sorted((told | drawn).keys()):
        if told[page, mcid] != drawn[page, mcid] or told[page, mcid] != 1:
            yield (
                f"page {page + 1}, {mcid}: drawn {drawn[page, mcid]}, told {told[page, mcid]} times"
            )
    for page, one in enumerate(placed):
        for what in one.loose:
            yield f"page {page + 1}: {what} is neither told nor an artifact"
    numbers = pdf.Root["/StructTreeRoot"]["/ParentTree"]["/Nums"]
    owners = {int(numbers[n]): numbers[n + 1] for n in range(0, len(numbers), 2)}
    for page, holder in enumerate(pdf.pages):
        for mcid, owner in enumerate(owners[int(holder.obj["/StructParents"])]):
            if (owner is not None) != bool(told[page, mcid]):
                yield f"page {page + 1}, {mcid}: its owner in the parent tree"
            elif owner is not None and mcid not in [
                kid for kid in owner["/K"] if not isinstance(kid, pikepdf.Dictionary)
            ]:
                yield f"page {page + 1}, {mcid}: another's in the parent tree"


def paging(tree: Node) -> Iterator[str]:
    last = 0
    for piece in tree.pieces():
        if piece.page < last:
            yield f"from page {last + 1} back to {piece.page + 1}"
        last = piece.page


def ordering(tree: Node, placed: list[Placed]) -> Iterator[str]:
    for node in tree.nodes():
        boxes = [
            (kid, page, box) for kid in node.kids for page, box in boxes_of(kid, placed).items()
        ]
        for (one, page, box), (other, page_too, later) in combinations(boxes, 2):
            if page == page_too and one is not other and not follows(box, later):
                yield (
                    f"page {page + 1}: in {node.kind}, {other.kind} {rounded(later)} is told"
                    f" after {one.kind} {rounded(box)}"
                )


def boxes_of(node: Node, placed: list[Placed]) -> dict[int, Box]:
    """What it draws, by page."""
    found: dict[int, Box] = {}
    for piece in node.pieces():
        box = placed[piece.page].boxes.get(piece.mcid)
        if box is not None:
            known = found.get(piece.page)
            found[piece.page] = box if known is None else known.around(box)
    return found


def follows(box: Box, later: Box) -> bool:
    below = later.top >= box.bottom - SLACK
    beside = later.left >= box.right - SLACK and later.bottom > box.top + SLACK
    return below or beside


def rounded(box: Box) -> tuple[int, ...]:
    return tuple(map(round, (box.left, box.top, box.right, box.bottom)))


def enclosing(tree: Node, placed: list[Placed]) -> Iterator[str]:
    """ISO 14289-1, 7.3: a figure says where it is."""
    for node in tree.nodes():
        stated = node.stated
        for page, box in boxes_of(node, placed).items() if stated else ():
            across, down = (box.left + box.right) / 2, (box.top + box.bottom) / 2
            if stated and not Box(across, down, across, down).within(stated):
                yield f"page {page + 1}: a figure says {rounded(stated)}, is {rounded(box)}"


@pytest.fixture(scope="module")
def whole() -> bytes:
    """A statement with every section, in English: some 15 pages."""
    return render(samples.revision("en", with_trend(samples.many("en", 6), 12)), [])


@pytest.mark.parametrize("name", ["breached-zh", "small-zh", "review-en"])
def test_tags_follow_the_pages(rendered: Rendered, name: str) -> None:
    assert faults(rendered(name)) == []


def test_all_sections_follow_the_pages(whole: bytes) -> None:
    with pikepdf.open(io.BytesIO(whole)) as pdf:
        assert len(pdf.pages) >= 12
    assert faults(whole) == []


def test_the_table_of_contents_names_the_pages(
    rendered: Rendered, tool: Callable[..., str]
) -> None:
    pdf = rendered("review-en")
    text = tool("pdftotext", pdf, "-f", "2", "-l", "2")
    listed = re.findall(r"^(\d) (\D+)\n\n(\d+)$", text, re.M)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        numbers = {page.obj.objgen: str(place) for place, page in enumerate(opened.pages, 1)}
        with opened.open_outline() as outline:
            sections: list[tuple[str, str]] = []
            for one in outline.root:
                place: Any = one.destination
                sections.append((str(one.title), numbers[place[0].objgen]))
    assert len(sections) >= 6
    assert sorted((f"{number}{title}", page) for number, title, page in listed) == sections


def first(pdf: pikepdf.Pdf, kind: str) -> Any:
    return next(
        one for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and one.get("/S") == kind
    )


def swap(items: Any, one: int, other: int) -> None:
    items[one], items[other] = items[other], items[one]


def rows_of(pdf: pikepdf.Pdf) -> Any:
    return first(pdf, "/TBody")["/K"]


def of_page(pdf: pikepdf.Pdf) -> Any:
    """The owners of the first page's pieces."""
    return pdf.Root["/StructTreeRoot"]["/ParentTree"]["/Nums"][1]


def write_loosely(pdf: pikepdf.Pdf) -> None:
    page = pdf.pages[2]
    font = next(iter(page.Resources["/Font"].keys()))
    page.contents_add(f"BT {font} 9 Tf 1 0 0 1 90 90 Tm [<0001>] TJ ET".encode())


# What is done to a file, and what is then said of it.
DAMAGES: list[tuple[str, Harm]] = [
    ("is told after TR", lambda pdf: swap(rows_of(pdf), 0, 1)),
    ("is told after TD", lambda pdf: swap(rows_of(pdf)[0]["/K"], 1, 2)),
    ("in Art, ", lambda pdf: swap(first(pdf, "/Art")["/K"], 0, 1)),
    ("told 0 times", lambda pdf: rows_of(pdf).__delitem__(0)),
    ("told 2 times", lambda pdf: rows_of(pdf).append(rows_of(pdf)[0])),
    ("neither told nor an artifact", write_loosely),
    ("back to", lambda pdf: first(pdf, "/Document").__setitem__(
        "/K", pikepdf.Array(list(first(pdf, "/Document")["/K"])[::-1]))),
    ("its owner in the parent tree", lambda pdf: of_page(pdf).__setitem__(0, None)),
    ("another's in the parent tree", lambda pdf: swap(of_page(pdf), 0, 1)),
    ("a figure says", lambda pdf: first(pdf, "/Figure")["/A"].__setitem__(
        "/BBox", pikepdf.Array([0, 0, 9, 9]))),
]  # fmt: skip


@pytest.mark.parametrize(("said", "harm"), DAMAGES, ids=[said for said, _ in DAMAGES])
def test_another_order_is_seen(rendered: Rendered, said: str, harm: Harm) -> None:
    """The control of every rule."""
    assert any(said in fault for fault in faults(damage(rendered("review-en"), harm)))


@pytest.mark.parametrize(
    ("mended", "said"), [("leave_out_running", "told 0 times"), ("place_figures", "a figure says")]
)
def test_what_is_mended_is_seen_without(
    monkeypatch: pytest.MonkeyPatch, mended: str, said: str
) -> None:
    monkeypatch.setattr(finishing, mended, lambda *_: None)
    assert any(said in fault for fault in faults(render(samples.small("zh"), [])))
