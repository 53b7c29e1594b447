"""A year's statements added up, on paper: unsigned, in the statements' own style."""

from collections.abc import Mapping
from typing import Any

from reports import figures
from reports.figures import plain
from reports.render import check_faces, environment, lay_out, write_quietly
from reports.wording import words

Json = Mapping[str, Any]


def render_annual(summary: Json) -> bytes:
    """The PDF of `{language, operator, customer, year, printed_at, promises: [{service, promise,
    availability, downtime_s, kept, months, missed: [month…], open: [month…], credit, currency}],
    months: [{period, kept, promises, credits, total, currency, statements}]}`: texts in its
    language, money as decimal strings, `printed_at` a local time in words.

    Raises RenderingError where the fonts are missing; KeyError when the summary lacks a field.
    """
    document = lay_out(annual_markup(summary))
    pdf = write_quietly(document, pdf_variant="pdf/a-3a")
    check_faces({font.family for font in document.fonts.values()})
    return pdf


def annual_markup(summary: Json) -> str:
    language = summary["language"]
    text: str = (
        environment()
        .get_template("annual.html.j2")
        .render(
            y=summary,
            t=words(language),
            html_lang="zh-Hans" if language == "zh" else "en",
            f=figures,
            plain=plain,
            length=lambda seconds: figures.duration(seconds, language),
        )
    )
    return text
