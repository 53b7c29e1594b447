"""Where the pages of a kind lie, and which of them the reader may open."""

from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from flask import current_app, g, request, url_for

from dcim.http.addresses import NUMBER
from dcim.http.policy import has_right
from dcim.records.kinds import Kind


def all_kinds() -> Sequence[Kind]:
    """The kinds this application was made with."""
    return cast(Sequence[Kind], current_app.extensions["jifang_kinds"])


def id_argument(kind: Kind) -> str:
    return f"{kind.name}_id"


def kind_url(kind: Kind, deed: str, record_id: int | None = None, **query: Any) -> str:
    """The page of `deed` (list, new, show, edit, delete, notes, bulk, export, options, view)."""
    if record_id is not None:
        query[id_argument(kind)] = record_id
    return str(url_for(f"staff.{deed}_{kind.name}", **query))


def record_url(kind: Kind, record_id: int) -> str:
    """The page of one record: the kind's own where it has one."""
    if kind.page is not None and kind.page[0] in current_app.view_functions:
        endpoint, argument = kind.page
        values: dict[str, Any] = {argument: record_id}
        return str(url_for(endpoint, **values))
    return kind_url(kind, "show", record_id)


def record_urls(kind: Kind) -> Callable[[int], str]:
    """`record_url` for many records of one kind."""
    before, _number, after = record_url(kind, NUMBER).partition(str(NUMBER))
    return lambda record_id: f"{before}{record_id}{after}"


def new_url(kind: Kind) -> str:
    """Where another of this kind is entered; nothing for who may not."""
    if not may_change(kind):
        return ""
    if kind.new_page in current_app.view_functions:
        return str(url_for(kind.new_page))
    return kind_url(kind, "new") if kind.creatable else ""


def may_see(kind: Kind) -> bool:
    return has_right(kind.see)


def may_change(kind: Kind) -> bool:
    return has_right(kind.change)


def can_be_edited(kind: Kind) -> bool:
    """Whether any of its fields can be changed by a form; others are changed by services alone."""
    return any(one.writable and not one.fixed for one in kind.fields)


def can_be_changed_in_bulk(kind: Kind) -> bool:
    return any(one.writable and one.bulk and not one.fixed for one in kind.fields)


def may_create(kind: Kind) -> bool:
    return kind.creatable and may_change(kind)


def import_url(kind: Kind) -> str:
    """Where a sheet of this kind is brought in; nothing for who may not."""
    endpoint = f"staff.import_{kind.name}"
    known = endpoint in current_app.view_functions
    return url_for(endpoint) if known and kind.importable and may_change(kind) else ""


def seen_kinds() -> list[Kind]:
    """The kinds whose records this reader may see. Remembered for the request."""
    if "seen_kinds" not in g:
        g.seen_kinds = [kind for kind in all_kinds() if may_see(kind)]
    return cast(list[Kind], g.seen_kinds)


def is_known(kind: Kind) -> bool:
    """Whether this kind has pages here; a field may refer to a kind that has none."""
    return any(one.name == kind.name for one in all_kinds())


def find_record_link() -> str:
    """On a page of its own for a record: the generic page with its fields, notes and history."""
    owners = [
        kind for kind in all_kinds() if kind.page is not None and kind.page[0] == request.endpoint
    ]
    # A page that serves several kinds is no kind's own.
    if len(owners) != 1 or not may_see(owners[0]) or owners[0].page is None:
        return ""
    record_id = (request.view_args or {}).get(owners[0].page[1])
    return "" if record_id is None else kind_url(owners[0], "show", record_id)


def safe_way_back(fallback: str) -> str:
    """Where the form was opened from, if that is a page of ours."""
    wanted = request.values.get("back", "")
    parts = urlsplit(wanted.replace("\\", "/"))
    if (
        parts.scheme
        or parts.netloc
        or not parts.path.startswith("/staff")
        or any(ord(letter) < 32 for letter in wanted)
    ):
        return fallback
    return wanted
