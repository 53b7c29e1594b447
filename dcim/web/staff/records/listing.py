"""The list of a kind: a table of chosen columns, narrowed, sorted and paged by the URL."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from flask import flash, redirect, render_template, request
from flask import session as browser
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.errors import JifangError
from dcim.http.database import current_scope, db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.paging import Paging
from dcim.records.fields import Field, ReferenceType
from dcim.records.kinds import Kind
from dcim.records.listing import Wish, count_records, list_records, read_wish
from dcim.records.models import SavedView
from dcim.records.record import Record
from dcim.records.views import (
    choose_columns,
    delete_view,
    find_face,
    save_view,
    set_standard_view,
)
from dcim.web.remembered import remember
from dcim.web.staff.arguments import LAST_PAGE, read_int
from dcim.web.staff.labels import can_be_labelled
from dcim.web.staff.records.addresses import (
    can_be_changed_in_bulk,
    import_url,
    is_known,
    kind_url,
    may_change,
    may_create,
    may_see,
    new_url,
    record_urls,
)
from dcim.web.staff.records.filtering import (
    Pairs,
    drop,
    find_filter_titles,
    make_chips,
    make_panels,
    open_query,
    resolve_typed_paths,
)
from dcim.web.staff.records.showing import Shown, escape_all, prepare

SIZES = (25, 50, 100, 250)
USUAL_SIZE = 50


@dataclass(frozen=True, slots=True)
class Head:
    """A column; `key` is what `sort=` takes, None where the column can't be sorted."""

    label: str
    key: str | None
    numeric: bool


def show_list(kind: Kind) -> str | Response:
    session, scope = db_session(), current_scope()
    pairs = read_pairs()
    views, usual = find_face(session, current_user.id, kind)
    if not pairs and (standard := _standard_of(views)):
        return redirect(f"{kind_url(kind, 'list')}?{standard.query}&view={standard.id}", code=303)
    resolved, problems = resolve_typed_paths(session, scope, kind, pairs)
    cleaned = [(name, value) for name, value in resolved if value.strip()]
    if cleaned != pairs:
        return redirect(f"{kind_url(kind, 'list')}{open_query(cleaned)[:-1]}", code=303)
    wish = read_wish(kind, pairs)
    wish = replace(wish, problems={**wish.problems, **problems})
    paging = Paging(min(max(read_int("page") or 1, 1), LAST_PAGE), read_size())
    columns = read_columns(kind, usual)
    title = kind.title_field
    found = list_records(
        session, scope, kind, wish, paging, names={*(one.name for one in columns), title.name}
    )
    titles = find_filter_titles(session, scope, kind, wish)
    return render_template(
        "staff/records/list.html",
        kind=kind,
        found=found,
        body=make_body(kind, columns, found.items),
        heads=[_make_head(kind, one) for one in columns],
        chips=make_chips(kind, wish, pairs, titles),
        panel_fields=_show_panel_fields(kind, wish, titles),
        column_choices=_show_column_choices(kind, columns),
        wish=wish,
        columns=columns,
        views=views,
        open_view=_open_view(views, pairs),
        size_items=[
            (
                str(size),
                open_query([*drop(pairs, "size", "page"), ("size", str(size))])[:-1],
                size == paging.size,
            )
            for size in SIZES
        ],
        paging=paging,
        pages=max(1, -(-found.total // paging.size)),
        sort_text=_sort_text(wish),
        base=open_query(drop(pairs, "page")),
        unsorted=open_query(drop(pairs, "page", "sort")),
        query=open_query(drop(pairs, "page", "size"))[1:-1],
        query_with_columns=open_query(
            [*drop(pairs, "page", "size", "columns"), ("columns", _names_of(columns))]
        )[1:-1],
        wish_pairs=drop(pairs, "q", "page"),
        kept_filters=_unasked(pairs),
        next_steps=_next_steps(session, scope, kind, wish) if not found.items else [],
        narrowed=bool(wish.text or wish.filters),
        labelled=can_be_labelled(kind),
        may_bulk=may_change(kind) and can_be_changed_in_bulk(kind),
        may_delete=may_change(kind) and kind.deletable,
        bulk_url=kind_url(kind, "bulk")
        if can_be_changed_in_bulk(kind) or kind.deletable
        else kind_url(kind, "export"),
        new_url=new_url(kind),
        import_url=import_url(kind),
        kind_url=kind_url,
    )


def read_pairs() -> Pairs:
    """The query in its order, without the language."""
    return [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]


def read_size() -> int:
    """Rows of a page: as the URL says, which is remembered; else as last time."""
    wanted = read_int("size")
    if wanted in SIZES:
        browser["page_size"] = wanted
        return int(wanted)
    remembered = browser.get("page_size")
    return remembered if remembered in SIZES else USUAL_SIZE


def read_columns(kind: Kind, usual: Sequence[str]) -> list[Field]:
    """The URL's columns (`columns=a,b`, as saved views hold them), else the person's own."""
    named = [name for name in request.values.get("columns", "").split(",") if kind.has(name)]
    names = list(dict.fromkeys(named)) or usual
    return [kind.field(name) for name in names] or [kind.title_field]


def _standard_of(views: list[SavedView]) -> SavedView | None:
    mine = (one for one in views if one.user_id == current_user.id and one.standard)
    return next(mine, None)


def _open_view(views: list[SavedView], pairs: Pairs) -> SavedView | None:
    number = next((value for name, value in pairs if name == "view"), "")
    return next((one for one in views if str(one.id) == number), None)


def make_body(kind: Kind, columns: list[Field], found: Sequence[Record]) -> Markup:
    """The table's body. Put together here, not by the template: it is most of a long page."""
    title = prepare(kind, kind.title_field)
    names = [title(one).text for one in found]
    url_of = record_urls(kind)
    linked = columns.index(kind.title_field) if kind.title_field in columns else 0
    parts = [_make_ticks(found, names)]
    for number, one in enumerate(columns):
        shown = [*map(prepare(kind, one), found)]
        if number == linked:
            texts = [
                name if value.empty else value.text
                for name, value in zip(names, shown, strict=True)
            ]
            parts.append(
                [
                    f'<th scope="row"><a href="{url_of(record.id)}">{text}</a></th>'
                    for record, text in zip(found, escape_all(texts), strict=True)
                ]
            )
        else:
            parts.append(_make_cells(shown, _(one.label)))
    rows = "</tr>\n".join(map("".join, zip(*parts, strict=True)))
    return Markup(rows + ("</tr>" if rows else ""))  # noqa: S704  escaped above


def _make_ticks(found: Sequence[Record], names: Sequence[str]) -> list[str]:
    choose = _("Choose %(name)s")
    labels = escape_all([choose % {"name": name} for name in names])
    return [
        '<tr><td class="tick"><input class="form-check-input" type="checkbox" name="id"'
        f' value="{one.id}" aria-label="{label}"></td>'
        for one, label in zip(found, labels, strict=True)
    ]


def _make_cells(shown: Sequence[Shown], label: str) -> list[str]:
    """Of a column's cells many are alike; each is made once."""
    (escaped,) = escape_all([label])
    alike = list(dict.fromkeys(shown))
    texts = escape_all([part for one in alike for part in (one.text, one.unit, one.url)])
    made = {}
    for one, text, unit, url in zip(alike, texts[::3], texts[1::3], texts[2::3], strict=True):
        numeric = ' class="num"' if one.numeric else ""
        markup = one.mark_up(text, unit, url)
        made[one] = f'<td{numeric} data-label="{escaped}">{markup}</td>'
    return [made[one] for one in shown]


def _make_head(kind: Kind, one: Field) -> Head:
    numeric = one.type.name in {"integer", "decimal", "half_units", "rate"}
    return Head(_(one.label), one.name if one.sorted else None, numeric)


def _show_panel_fields(kind: Kind, wish: Wish, titles: dict[str, dict[int, str]]) -> Markup:
    def make() -> Markup:
        panels = make_panels(kind, wish, titles)
        return Markup(render_template("staff/records/panel_fields.html", panels=panels))  # noqa: S704

    return make() if wish.filters else remember(("panel", kind.name, request.root_path), make)


def _show_column_choices(kind: Kind, columns: list[Field]) -> Markup:
    names = tuple(one.name for one in columns)

    def make() -> Markup:
        others = [one for one in kind.fields if one.name not in names]
        page = render_template("staff/records/column_choices.html", columns=columns, others=others)
        return Markup(page)  # noqa: S704  rendered

    return remember(("columns", kind.name, names), make)


def _names_of(columns: list[Field]) -> str:
    return ",".join(one.name for one in columns)


def _unasked(pairs: Pairs) -> Pairs:
    """Filters that the panel has no input for: "not" ones. It must not lose them."""
    return [(name, value) for name, value in pairs if name.endswith("__not") or name == "columns"]


def _sort_text(wish: Wish) -> str:
    if not wish.sort:
        return ""
    name, descending = wish.sort[0]
    return f"-{name}" if descending else name


def _next_steps(session: Session, scope: Scope, kind: Kind, wish: Wish) -> list[tuple[str, str]]:
    """What to do where the list is empty: make the first one, or first what it belongs to."""
    if wish.text or wish.filters:
        return [(_("Show all"), f"{kind_url(kind, 'list')}?view=0")]
    steps = []
    for one in kind.references:
        if not one.required or not isinstance(one.type, ReferenceType):
            continue
        other = one.type.kind()
        if not is_known(other) or not may_create(other) or not may_see(other):
            continue
        if not count_records(session, scope, other):
            steps.append((_("First enter: %(kind)s", kind=_(other.label)), kind_url(other, "new")))
    if not steps and (url := new_url(kind)):
        steps.append((_("New: %(kind)s", kind=_(kind.label)), url))
    return steps


def change_view(kind: Kind) -> Response:
    """Keep, share, forget a view of this list; choose its columns."""
    session = db_session()
    # The button pressed stands after the form's own word.
    deed = (request.form.getlist("deed") or [""])[-1]
    query = request.form.get("query", "").replace("\0", "")[:4000].removeprefix("?")
    target = kind_url(kind, "list")
    try:
        if deed in {"columns", "usual"}:
            chosen = request.form.getlist("columns") if deed == "columns" else []
            choose_columns(session, current_user.id, kind, chosen)
            kept = _keep(query, "columns")
            return redirect(f"{target}{open_query(kept)[:-1] or '?view=0'}", code=303)
        if deed == "save":
            made = save_view(
                session,
                current_user.id,
                kind,
                request.form.get("name", ""),
                open_query(_keep(query, "view"))[1:-1],
                shared="shared" in request.form,
            )
            set_standard_view(session, current_user.id, made, "standard" in request.form)
            flash(_("The view “%(name)s” is saved.", name=made.name), "success")
            return redirect(f"{target}?{made.query}&view={made.id}".replace("?&", "?"), code=303)
        if deed == "forget":
            number = request.form.get("view", "")
            delete_view(session, current_user.id, int(number) if _is_id(number) else 0)
            flash(_("The view is deleted."), "success")
    except JifangError as error:
        session.rollback()
        flash(say(error), "error")
    return redirect(f"{target}?{query or 'view=0'}", code=303)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _keep(query: str, *names: str) -> Pairs:
    return drop(parse_qsl(query), "page", "lang", *names)
