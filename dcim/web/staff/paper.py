"""Pages for paper: the same template as a print page and, laid out by WeasyPrint, as a PDF."""

import datetime as dt
from functools import lru_cache
from importlib.resources import files
from typing import Any

from flask import Response, render_template, request

from dcim.columns import utc_now
from dcim.errors import InvalidError
from reports.fetching import DenyingFetcher

STYLE = "web/static/css/sheet.css"


def answer_sheet(template: str, filename: str, **context: Any) -> Response:
    """HTML, or with `?format=pdf` a PDF under this name."""
    now = utc_now()
    if request.args.get("format") != "pdf":
        arguments = [*request.args.items(multi=True), ("format", "pdf")]
        return Response(
            render_template(template, for_pdf=False, now=now, pdf_query=arguments, **context)
        )
    markup = render_template(template, for_pdf=True, now=now, **context)
    return Response(
        make_pdf(markup, now),
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def make_pdf(markup: str, now: dt.datetime) -> bytes:
    """Nothing is fetched: neither fonts nor pictures nor anything a name in the data points to."""
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    fetcher = DenyingFetcher()
    fonts = FontConfiguration()
    style = CSS(string=read_style(), font_config=fonts, url_fetcher=fetcher)
    document = HTML(string=markup, url_fetcher=fetcher).render(
        font_config=fonts, stylesheets=[style]
    )
    document.metadata.created = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    written: bytes = document.write_pdf()
    return written


@lru_cache(maxsize=1)
def read_style() -> str:
    return (files("dcim") / STYLE).read_text("utf-8")


def read_ids(name: str, most: int) -> list[int]:
    """The numbers given under this name, each once. Raises InvalidError for too many."""
    texts = dict.fromkeys(request.args.getlist(name))
    ids = [int(t) for t in texts if t.isascii() and t.isdigit() and len(t) < 19]
    if len(ids) > most:
        raise InvalidError("At most %(count)s at once.", {name: ["too many"]}, count=most)
    return ids
