"""Statement JSON and attachments in, unsigned PDF/A-3a out: same input, same bytes.

PDF/A-3a and PDF/UA-1 are claimed in the file and checked for structure by the tests (tags, Alt, AF,
XMP, fonts embedded); no validator has certified them yet.
"""

import threading
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from reports.attachments import Attachment, content_identifier, with_statement
from reports.marking import Mark, describe_copy, draft_images, mark_images, mark_style
from reports.pages import arrange

FONTS = frozenset({"Noto Sans CJK SC", "Noto Sans Mono CJK SC", "DejaVu Sans", "DejaVu Sans Mono"})
FACE = "Noto Sans CJK SC"
SMALL_PAGES = 1

cache = threading.local()


class RenderingError(Exception):
    """The statement cannot be drawn as it is; the message names why."""


@lru_cache(maxsize=1)
def environment() -> Any:
    """Jinja with escaping always on and undefined names refused."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def stylesheet() -> tuple[Any, Any]:
    """The parsed print CSS and its font configuration, once per thread."""
    if not hasattr(cache, "style"):
        from weasyprint import CSS
        from weasyprint.text.fonts import FontConfiguration

        from reports.fetching import DenyingFetcher

        fonts = FontConfiguration()
        text = (files("reports") / "print.css").read_text("utf-8")
        cache.style = (CSS(string=text, font_config=fonts, url_fetcher=DenyingFetcher()), fonts)
    style: tuple[Any, Any] = cache.style
    return style


def page_markup(statement: Mapping[str, Any], *, small: bool) -> str:
    """The HTML of a statement; `small` is the one-page form."""
    name = "small.html.j2" if small else "statement.html.j2"
    text: str = environment().get_template(name).render(arrange(statement))
    return text


def lay_out(markup: str, marks: Mapping[str, bytes] | None = None) -> Any:
    """WeasyPrint's document of the HTML. Raises RenderingError when it asks for any address.

    `marks` are the images of a marked copy, by address.
    """
    from weasyprint import CSS, HTML
    from weasyprint.urls import FatalURLFetchingError

    from reports.fetching import DenyingFetcher

    css, fonts = stylesheet()
    fetcher = DenyingFetcher(marks)
    sheets = [css]
    if marks:
        sheets.append(CSS(string=mark_style(marks), font_config=fonts, url_fetcher=fetcher))
    try:
        document = HTML(string=markup, url_fetcher=fetcher).render(
            font_config=fonts, stylesheets=sheets, pdf_variant="pdf/a-3a"
        )
    except FatalURLFetchingError as error:
        raise RenderingError(str(error)) from error
    if fetcher.refused:
        raise RenderingError(f"the page asked for {fetcher.refused[0]}")
    return document


def fits_small(statement: Mapping[str, Any]) -> bool:
    """Few enough of everything that one page may hold it; layout decides in the end."""
    return (
        len(statement["metrics"]) <= 3
        and len(statement["incidents"]) <= 2
        and len(statement["maintenance"]) <= 2
        and len(statement["ledger"]) <= 6
        and len(statement["usage"]) <= 1
        and len(statement["power"]) <= 2
        and len(statement["environment"]) <= 1
        and statement["verdict"]["result"] == "met"
        and not statement["decisions"]
        and "approval" not in statement
    )


def choose_layout(statement: Mapping[str, Any], marks: Mapping[str, bytes] | None = None) -> Any:
    if fits_small(statement):
        document = lay_out(page_markup(statement, small=True), marks)
        if len(document.pages) <= SMALL_PAGES:
            return document
    return lay_out(page_markup(statement, small=False), marks)


def render(
    statement: Mapping[str, Any],
    attachments: Sequence[Attachment],
    mark: Mark | None = None,
    *,
    draft: bool = False,
) -> bytes:
    """The unsigned PDF/A-3a of a statement with its files and its own JSON attached.

    With a `mark` it is a copy for somebody: marked across each page, with what it is attached too.
    A `draft` says across each page that it is one.

    Every date in it is the statement's `frozen_at`; the identifier comes from the contents.
    Raises RenderingError, AttachmentError; KeyError when the statement lacks a field.
    """
    from weasyprint import Attachment as EmbeddedFile

    from reports.fetching import DenyingFetcher
    from reports.finishing import make_finisher

    frozen_at = datetime.fromisoformat(statement["frozen_at"])
    marks = draft_images(statement["language"], FACE) if draft else None
    if mark is not None:
        marks = mark_images(mark, statement["language"], FACE)
        attachments = [*attachments, describe_copy(mark)]
    embedded = with_statement(statement, attachments)
    document = choose_layout(statement, marks)
    document.metadata.attachments = []
    fetcher = DenyingFetcher()
    pdf: bytes = write_quietly(
        document,
        finisher=make_finisher({file.name: file.relationship for file in embedded}),
        pdf_variant="pdf/a-3a",
        pdf_identifier=content_identifier(embedded).encode(),
        attachments=[
            EmbeddedFile(
                string=file.data,
                name=file.name,
                description=file.description,
                relationship=file.relationship,
                created=frozen_at,
                modified=frozen_at,
                url_fetcher=fetcher,
            )
            for file in embedded
        ],
    )
    check_faces({font.family for font in document.fonts.values()})
    return pdf


def check_faces(families: set[str]) -> None:
    """A machine without the face would draw with whatever it has; then nothing is drawn.

    A rare script in a name may still bring a face of its own: that must not stop a statement.
    """
    if FACE not in families:
        raise RenderingError(
            f"the font {FACE} is not installed (Debian: fonts-noto-cjk, fonts-dejavu-core)"
        )


def write_quietly(document: Any, **options: Any) -> bytes:
    """WeasyPrint 70 leaves its own ICC file to the garbage collector, which warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        pdf: bytes = document.write_pdf(**options)
    return pdf
