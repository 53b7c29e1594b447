"""A small SVG writer: strings in, escaped markup out, the same bytes every time."""

from collections.abc import Sequence

from markupsafe import Markup, escape

# On <svg> itself: WeasyPrint does not resolve CSS variables for SVG text.
FONT_FAMILY = "Noto Sans CJK SC, DejaVu Sans"

INK = "#16202c"
MUTED = "#5a6675"
LINE = "#e2e5ea"
GRID = "#eceef2"
ACCENT = "#1d5bbf"
SLATE = "#5d708a"
BAR = "#8fa0b5"
TRACK = "#e7eaef"
OK_FILL = "#cfe6d9"
OK = "#1a7a49"
WARNING = "#9a5200"
WARNING_FILL = "#e39a1c"
BAD = "#bb2329"
MAINTENANCE = "#4d5f86"
UNKNOWN = "#5f6b7a"
PAPER = "#ffffff"


def number(value: float) -> str:
    """At most two decimals, no trailing zeros, no negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def attributes(values: dict[str, str | float | None]) -> str:
    """`stroke_width=1` becomes ` stroke-width="1"`; None leaves the attribute out."""
    parts = []
    for name, value in values.items():
        if value is None:
            continue
        text = value if isinstance(value, str) else number(value)
        parts.append(f' {name.replace("_", "-")}="{escape(text)}"')
    return "".join(parts)


def text_width(text: str, size: float) -> float:
    """Estimated width in px: full-width characters one em, the others 0.56 em."""
    return sum(size if ord(character) > 0x2E7F else 0.56 * size for character in text)


def clipped(text: str, size: float, width: float) -> str:
    """The text cut to the width in px, with an ellipsis when something was left out."""
    if text_width(text, size) <= width:
        return text
    kept = ""
    for character in text:
        if text_width(kept + character + "…", size) > width:
            break
        kept += character
    return kept.rstrip() + "…"


class Drawing:
    """Collects elements; `markup()` gives one inline <svg> with a title (its Alt in the PDF)."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width = width
        self.height = height
        self.title = title
        self.parts: list[str] = []

    def element(self, name: str, **values: str | float | None) -> None:
        self.parts.append(f"<{name}{attributes(values)}/>")

    def line(
        self, x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1,
        dash: str | None = None,
    ) -> None:  # fmt: skip
        self.element(
            "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width,
            stroke_dasharray=dash,
        )  # fmt: skip

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str,
        stroke: str | None = None, stroke_width: float | None = None, dash: str | None = None,
        radius: float | None = None, opacity: float | None = None,
    ) -> None:  # fmt: skip
        self.element(
            "rect", x=x, y=y, width=max(width, 0), height=max(height, 0), fill=fill, stroke=stroke,
            stroke_width=stroke_width, stroke_dasharray=dash, rx=radius, fill_opacity=opacity,
        )  # fmt: skip

    def path(
        self, data: str, fill: str = "none", stroke: str | None = None, width: float | None = None,
        dash: str | None = None, opacity: float | None = None,
    ) -> None:  # fmt: skip
        if not data:
            return
        self.element(
            "path", d=data, fill=fill, stroke=stroke, stroke_width=width, stroke_dasharray=dash,
            stroke_linejoin="round" if stroke else None, fill_opacity=opacity,
        )  # fmt: skip

    def text(
        self, x: float, y: float, content: str, size: float = 8, fill: str = MUTED,
        anchor: str | None = None, weight: str | None = None,
    ) -> None:  # fmt: skip
        values = attributes(
            {"x": x, "y": y, "font-size": size, "fill": fill, "text-anchor": anchor,
             "font-weight": weight}
        )  # fmt: skip
        self.parts.append(f"<text{values}>{escape(content)}</text>")

    def hatch(
        self, x: float, y: float, width: float, height: float, stroke: str, step: float = 3,
        line_width: float = 0.6,
    ) -> None:  # fmt: skip
        """Diagonal lines inside the rectangle: a state that stays visible without colour."""
        strokes = []
        offset = step / 2
        while offset < width + height:
            x1, y1 = (x + offset, y) if offset <= width else (x + width, y + offset - width)
            x2, y2 = (x, y + offset) if offset <= height else (x + offset - height, y + height)
            strokes.append(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}")
            offset += step
        self.path("".join(strokes), stroke=stroke, width=line_width)

    def markup(self) -> Markup:
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        box = f'viewBox="0 0 {number(self.width)} {number(self.height)}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} '
            f'font-family="{FONT_FAMILY}" role="img">'
        )
        body = "".join(self.parts)
        # Every piece was escaped where it was written.
        return Markup(f"{head}<title>{escape(self.title)}</title>{body}</svg>")  # noqa: S704


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """Path data through the points; empty when there are fewer than two."""
    if len(points) < 2:
        return ""
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{steps}"
