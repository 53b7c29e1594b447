"""`dcim translations`: keep the Chinese catalogue complete."""

import datetime as dt
import io
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "translations"
LOCALE = "zh_Hans_CN"
CATALOGUE = FOLDER / LOCALE / "LC_MESSAGES" / "messages.po"
# Sentences of libraries that are shown on our pages; written by hand, only compiled here.
BORROWED = CATALOGUE.with_name("flask_security.po")
METHODS = [("web/templates/styleguide.html", "ignore"), ("**.py", "python"), ("**.html", "jinja2")]
# `_` marks a text in code and templates; the lazy form is for module constants.
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "_l": None,
    "lazy_gettext": None,
    # In packages that know no translations: looked up where it is shown.
    "mark": None,
    "Message": None,
}
# Refusals of the domain are msgids too: their first argument.
ERRORS = (
    "NotFoundError",
    "ForbiddenError",
    "ConflictError",
    "InvalidError",
    "StaleError",
    "TooManyError",
    "FieldValueError",
)


@click.group()
def translations() -> None:
    """Keep the Chinese catalogue complete."""


@translations.command()
def update() -> None:
    """Take new texts into the catalogue, drop those no longer used, compile."""
    catalogue = read_catalogue()
    merged = Catalog(locale=LOCALE, domain="messages", fuzzy=False)
    missing = []
    for (msgid, plural), places in sorted(extract_texts().items(), key=lambda one: str(one[0])):
        key = (msgid, plural) if plural else msgid
        known = catalogue.get(msgid)
        string = known.string if known is not None else ""
        if not string or (isinstance(string, tuple) and not all(string)):
            missing.append(msgid)
        merged.add(key, string, locations=[(place, 0) for place in sorted(places)[:3]])
    write_catalogue(merged)
    click.echo(f"{len(merged)} texts, {len(missing)} without a translation.")
    for msgid in missing:
        click.echo(f"  {msgid}")


@translations.command("compile")
def compile_catalogue() -> None:
    """Write the .mo that pages read."""
    write_catalogue(read_catalogue())
    BORROWED.with_suffix(".mo").write_bytes(compile_bytes(read_catalogue(BORROWED)))


def read_catalogue(path: Path = CATALOGUE) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=LOCALE)


def write_catalogue(catalogue: Catalog) -> None:
    """The .po sorted and without dates or line numbers, so that diffs show texts; and its .mo."""
    out = io.BytesIO()
    write_po(
        out, catalogue, omit_header=False, sort_output=True, no_location=True, ignore_obsolete=True,
        include_lineno=False, width=100,
    )  # fmt: skip
    kept = [
        line
        for line in out.getvalue().decode().splitlines()
        if not line.startswith(('"POT-Creation', '"PO-Revision', '"Last-Trans', '"Generated-By'))
    ]
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    CATALOGUE.write_text("\n".join(kept) + "\n", encoding="utf-8")
    CATALOGUE.with_suffix(".mo").write_bytes(compile_bytes(catalogue))


def compile_bytes(catalogue: Catalog) -> bytes:
    """The compiled catalogue; the same texts give the same bytes on any day."""
    catalogue.creation_date = catalogue.revision_date = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def extract_texts() -> dict[tuple[str, str | None], set[str]]:
    """Every msgid (and plural) in code and templates, with the files it stands in."""
    found: dict[tuple[str, str | None], set[str]] = {}
    keywords = {**KEYWORDS, **dict.fromkeys(ERRORS)}
    for place, _line, text, _comments, _context in extract_from_dir(
        str(ROOT),
        method_map=METHODS,
        options_map={"**.html": {"trimmed": "true"}},
        keywords=keywords,
    ):
        msgid, plural = (text[0], text[1]) if isinstance(text, tuple) else (text, None)
        if msgid:
            found.setdefault((msgid, plural), set()).add(place)
    return found
