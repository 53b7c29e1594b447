"""One record: its facts, what refers to it, what people noted, what was changed when."""

from dataclasses import dataclass
from typing import Any

from flask import Response, flash, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from dcim.errors import InvalidError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.paging import Paging
from dcim.records.fields import Field, ReferenceType
from dcim.records.journal import HistoryRow, add_note, list_history, list_notes
from dcim.records.kinds import Kind
from dcim.records.listing import find_record
from dcim.records.record import Record
from dcim.records.related import count_related
from dcim.records.titles import find_paths, find_titles
from dcim.web.staff.answers import go_on
from dcim.web.staff.arguments import read_listing
from dcim.web.staff.labels import can_be_labelled
from dcim.web.staff.records.addresses import (
    can_be_edited,
    kind_url,
    may_change,
    may_create,
    record_url,
    seen_kinds,
)
from dcim.web.staff.records.showing import Shown, show_field, show_json

HISTORY_ROWS = 20


@dataclass(frozen=True, slots=True)
class Told:
    """One deed of the history in words. `changes`: (label, before, after)."""

    row: HistoryRow
    word: str
    changes: list[tuple[str, Shown, Shown]]


def show_record(kind: Kind, record_id: int) -> str:
    return _render(kind, record_id)


def write_note(kind: Kind, record_id: int) -> Response | BaseResponse:
    session, scope = db_session(), current_scope()
    find_record(session, scope, kind, record_id)
    text = request.form.get("text", "")
    try:
        add_note(session, scope, kind, record_id, text)
    except InvalidError as error:
        session.rollback()
        return Response(_render(kind, record_id, note=text, problem=say(error)), error.status)
    flash(_("The note is kept."), "success")
    return go_on(f"{kind_url(kind, 'show', record_id)}#notes")


def _render(kind: Kind, record_id: int, *, note: str = "", problem: str = "") -> str:
    session, scope = db_session(), current_scope()
    found = find_record(session, scope, kind, record_id)
    page = read_listing().paging.page
    history = list_history(session, scope, kind, record_id, Paging(page, HISTORY_ROWS))
    path = find_paths(session, scope, kind, [record_id]).get(record_id, "")
    title = show_field(kind, kind.title_field, found)
    return render_template(
        "staff/records/show.html",
        kind=kind,
        record=found,
        record_id=record_id,
        title=path if title.empty else title.text,
        path=path,
        groups=group_facts(kind, found),
        related=count_related(session, scope, seen_kinds(), kind, record_id),
        notes=list_notes(session, scope, kind, record_id),
        history=tell_history(kind, history.items),
        history_page=page,
        history_pages=max(1, -(-history.total // HISTORY_ROWS)),
        history_total=history.total,
        note=note,
        problem=problem,
        own_page=record_url(kind, record_id) if kind.page else "",
        may_change=may_change(kind),
        labelled=can_be_labelled(kind),
        may_edit=may_change(kind) and can_be_edited(kind),
        may_create=may_create,
        kind_url=kind_url,
        crumbs=_make_crumbs(kind, found, path),
    )


def group_facts(kind: Kind, found: Record) -> list[tuple[str, list[tuple[str, Shown]]]]:
    groups: dict[str, list[tuple[str, Shown]]] = {}
    for one in kind.fields:
        groups.setdefault(one.group, []).append((_(one.label), show_field(kind, one, found)))
    return [(_(name) if name else "", facts) for name, facts in groups.items()]


def tell_history(kind: Kind, rows: list[HistoryRow]) -> list[Told]:
    """Fields by their labels, values in words; a statement for each reference that changed."""
    session, scope = db_session(), current_scope()
    wanted: dict[str, set[int]] = {}
    for row in rows:
        for name, before, after in _changes_of(row):
            if kind.has(name) and isinstance(kind.field(name).type, ReferenceType):
                ids = {value for value in (before, after) if isinstance(value, int)}
                wanted.setdefault(name, set()).update(ids)
    titles = {
        name: find_titles(session, scope, kind.field(name).type.kind(), ids)  # type: ignore[attr-defined]
        for name, ids in wanted.items()
        if ids
    }

    def tell(name: str, value: Any) -> Shown:
        known: Field | None = kind.field(name) if kind.has(name) else None
        if known is None:
            return Shown(str(value)) if value not in (None, "") else Shown("—", empty=True)
        return show_json(known, value, titles.get(name))

    return [
        Told(
            row,
            _word_of(kind, row.action),
            [
                (
                    _(kind.field(name).label) if kind.has(name) else name,
                    tell(name, before),
                    tell(name, after),
                )
                for name, before, after in _changes_of(row)
            ],
        )
        for row in rows
    ]


def _changes_of(row: HistoryRow) -> list[tuple[str, Any, Any]]:
    """Also what services of their own noted as one value: a change has a before and an after."""
    return [change for change in row.changes if len(change) == 3]


def _word_of(kind: Kind, action: str) -> str:
    words = {
        f"{kind.name}.create": _("Created"),
        f"{kind.name}.change": _("Changed"),
        f"{kind.name}.delete": _("Deleted"),
        f"{kind.name}.restore": _("Brought back"),
        "journal.note": _("Noted"),
    }
    return str(words.get(action, action))


def _make_crumbs(kind: Kind, found: Record, path: str) -> list[tuple[str, str]]:
    crumbs = [(_(kind.label_plural), kind_url(kind, "list"))]
    parent = kind.parent
    if parent is not None and found.values.get(parent.name) is not None:
        shown = show_field(kind, parent, found)
        crumbs.append((shown.text, shown.url))
    own = show_field(kind, kind.title_field, found)
    return [*crumbs, (path if own.empty else own.text, "")]
