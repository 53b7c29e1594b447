"""Where on its page each piece of a tagged PDF lies, read from the pages' own streams.

Lengths are points from the top left corner of the page, whichever way the PDF counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf

Matrix = tuple[float, float, float, float, float, float]
UNIT: Matrix = (1, 0, 0, 1, 0, 0)
# Of the size of the type: what a line of CJK letters takes above and below its base line.
ABOVE, BELOW = 0.88, 0.12
PAINTING = {"S", "s", "f", "F", "f*", "B", "B*", "b", "b*"}


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def around(self, other: "Box") -> "Box":
        return Box(
            min(self.left, other.left), min(self.top, other.top),
            max(self.right, other.right), max(self.bottom, other.bottom),
        )  # fmt: skip

    def within(self, other: "Box") -> "Box | None":
        """What of it lies in the other, where anything does."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Box(left, top, right, bottom) if left <= right and top <= bottom else None


NOTHING = Box(-1, -1, -1, -1)


@dataclass
class Placed:
    """What a page draws: boxes by MCID, and what is neither marked nor an artifact."""

    boxes: dict[int, Box] = field(default_factory=dict)
    marked: list[int] = field(default_factory=list)  # in the order drawn
    loose: list[str] = field(default_factory=list)

    def draw(self, mark: int | str | None, whole: Box, clip: Box | None, what: str) -> None:
        box = whole if clip is None else whole.within(clip)
        if box is None:
            return
        if mark is None:
            self.loose.append(f"{what} at {box.left:.0f}, {box.top:.0f}")
        elif isinstance(mark, int):
            known = self.boxes.get(mark)
            self.boxes[mark] = box if known is None else known.around(box)


def times(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return (
        a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j,
        e * g + f * i + k, e * h + f * j + m,
    )  # fmt: skip


def span(points: list[tuple[float, float]], matrix: Matrix, height: float) -> Box:
    """The box around points of the space that the matrix leads out of."""
    a, b, c, d, e, f = matrix
    across = [a * x + c * y + e for x, y in points]
    down = [height - (b * x + d * y + f) for x, y in points]
    return Box(min(across), min(down), max(across), max(down))


def corners(box: Any) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = map(float, box)
    return [(x1, y1), (x2, y1), (x1, y2), (x2, y2)]


def widths_of(font: Any) -> tuple[dict[int, float], float]:
    """Thousandths of the size by glyph, and that of the others (ISO 32000-1, 9.7.4.3)."""
    below = font["/DescendantFonts"][0]
    found: dict[int, float] = {}
    waiting: list[Any] = list(below.get("/W", []))
    while waiting:
        first, second = int(waiting.pop(0)), waiting.pop(0)
        if isinstance(second, pikepdf.Array):
            found |= {first + place: float(width) for place, width in enumerate(second)}
        else:
            width = float(waiting.pop(0))
            found |= dict.fromkeys(range(first, int(second) + 1), width)
    return found, float(below.get("/DW", 1000))


def length_of(shown: Any, size: float, widths: tuple[dict[int, float], float]) -> float:
    total = 0.0
    for part in shown:
        if isinstance(part, pikepdf.String):
            raw = bytes(part)
            glyphs = [int.from_bytes(raw[n : n + 2]) for n in range(0, len(raw), 2)]
            total += sum(widths[0].get(glyph, widths[1]) for glyph in glyphs)
        else:
            total -= float(part)
    return total / 1000 * size


class Reader:
    """Follows one page's stream: where its pen stands, and in which marked piece."""

    def __init__(self, page: Any) -> None:
        self.page, self.height = page, float(page.mediabox[3])
        self.placed = Placed()
        self.matrix, self.line = UNIT, UNIT
        self.font: Any = None
        self.size = 0.0
        self.clip: Box | None = None
        self.clipping = False
        self.path: list[tuple[float, float]] = []
        self.saved: list[tuple[Any, ...]] = []
        self.marks: list[int | str | None] = [None]
        self.known: dict[str, Any] = {}

    def read(self) -> Placed:
        instructions: Any = pikepdf.parse_content_stream(self.page.obj)
        for operands, operator in instructions:
            name, given = str(operator), list(operands)
            self.follow_state(name, given)
            self.follow_text(name, given)
            self.follow_marks(name, given)
            self.follow_path(name, given)
        return self.placed

    def draw(self, points: list[tuple[float, float]], matrix: Matrix, what: str) -> None:
        self.placed.draw(self.marks[-1], span(points, matrix, self.height), self.clip, what)

    def follow_state(self, name: str, given: list[Any]) -> None:
        if name == "q":
            self.saved.append((self.matrix, self.font, self.size, self.clip))
        elif name == "Q":
            self.matrix, self.font, self.size, self.clip = self.saved.pop()
        elif name == "cm":
            self.matrix = times(numbers(given), self.matrix)
        elif name == "Do":
            form = self.page.Resources["/XObject"][str(given[0])]
            edges: Any = form.get("/BBox", (0, 0, 1, 1))
            inner = numbers(form.get("/Matrix", UNIT))
            self.draw(corners(edges), times(inner, self.matrix), "image")

    def follow_text(self, name: str, given: list[Any]) -> None:
        if name == "Tm":
            self.line = numbers(given)
        elif name == "Tf":
            key, self.size = str(given[0]), float(given[1])
            if key not in self.known:
                self.known[key] = widths_of(self.page.Resources["/Font"][key])
            self.font = self.known[key]
        elif name == "TJ":
            long = length_of(given[0], self.size, self.font)
            letters = corners((0, -BELOW * self.size, long, ABOVE * self.size))
            self.draw(letters, times(self.line, self.matrix), "text")
            self.line = times((1, 0, 0, 1, long, 0), self.line)
        elif name in {"Tj", "'", '"', "Td", "TD", "T*"}:
            raise AssertionError(f"{name} isn't read here")

    def follow_marks(self, name: str, given: list[Any]) -> None:
        if name in {"BDC", "BMC"}:
            mark = mark_of(given, self.marks[-1])
            if isinstance(mark, int) and mark != self.marks[-1]:
                self.placed.marked.append(mark)
            self.marks.append(mark)
        elif name == "EMC":
            self.marks.pop()

    def follow_path(self, name: str, given: list[Any]) -> None:
        if name in {"m", "l", "c", "v", "y"}:
            flat = list(map(float, given))
            self.path += zip(flat[::2], flat[1::2], strict=True)
        elif name == "re":
            x, y, wide, high = map(float, given)
            self.path += corners((x, y, x + wide, y + high))
        elif name in {"W", "W*"}:
            self.clipping = True
        elif name in PAINTING or name == "n":
            if name != "n":
                self.draw(self.path, self.matrix, "drawing")
            if self.clipping:
                box = span(self.path, self.matrix, self.height)
                self.clip = box if self.clip is None else box.within(self.clip) or NOTHING
            self.path, self.clipping = [], False


def numbers(given: Any) -> Matrix:
    a, b, c, d, e, f = map(float, given)
    return (a, b, c, d, e, f)


def place(page: Any) -> Placed:
    """Everything that one page draws."""
    return Reader(page).read()


def mark_of(given: list[Any], above: int | str | None) -> int | str | None:
    """The MCID or "artifact" of what is drawn from here; else as around it."""
    if str(given[0]) == "/Artifact":
        return "artifact"
    if len(given) > 1 and "/MCID" in given[1]:
        return int(given[1]["/MCID"])
    return above


@dataclass
class Node:
    """An element of the tree, or with `mcid` a piece of a page."""

    kind: str
    page: int  # from 0; of a piece
    mcid: int = -1
    kids: list["Node"] = field(default_factory=list)
    stated: Box | None = None  # of a figure

    def pieces(self) -> Iterator["Node"]:
        if self.mcid >= 0:
            yield self
        for kid in self.kids:
            yield from kid.pieces()

    def nodes(self) -> Iterator["Node"]:
        yield self
        for kid in self.kids:
            yield from kid.nodes()


def read_tree(pdf: pikepdf.Pdf) -> Node:
    """The tree of tags in its own order."""
    pages = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}

    def read(element: Any, page: int) -> Node:
        page = pages[element["/Pg"].objgen] if "/Pg" in element else page
        node = Node(str(element.get("/S", "/root"))[1:], page)
        if node.kind == "Figure":
            height = float(pdf.pages[page].mediabox[3])
            node.stated = span(corners(element["/A"]["/BBox"]), UNIT, height)
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if not isinstance(kid, pikepdf.Dictionary):
                node.kids.append(Node("", page, int(kid)))
            elif kid.get("/Type") == "/MCR":
                at = pages[kid["/Pg"].objgen] if "/Pg" in kid else page
                node.kids.append(Node("", at, int(kid["/MCID"])))
            elif kid.get("/Type") != "/OBJR":
                node.kids.append(read(kid, page))
        return node

    return read(pdf.Root["/StructTreeRoot"], 0)
