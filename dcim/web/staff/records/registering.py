"""The addresses of every kind's pages, and who may call them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

from flask import Flask

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs
from dcim.kinds import KINDS
from dcim.records.kinds import Kind
from dcim.web.staff.records.addresses import (
    can_be_changed_in_bulk,
    can_be_edited,
    id_argument,
)
from dcim.web.staff.records.bulk import change_in_bulk
from dcim.web.staff.records.deleting import delete_one, restore, show_deleted
from dcim.web.staff.records.detail import show_record, write_note
from dcim.web.staff.records.exporting import export_list
from dcim.web.staff.records.listing import change_view, show_list
from dcim.web.staff.records.options import list_options
from dcim.web.staff.records.writing import edit_record, new_record

GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")


@dataclass(frozen=True, slots=True)
class Page:
    """One route of a kind. `tail` is what follows the plural; {id} stands for the record."""

    deed: str
    tail: str
    methods: tuple[str, ...]
    view: Callable[..., Any]
    changes: bool = False


LIST_PAGES = (
    Page("list", "", GET, show_list),
    Page("options", "/options", GET, list_options),
    Page("export", "/export", BOTH, export_list),
    Page("view", "/view", POST, change_view),
)
NOTES = Page("notes", "/{id}/notes", POST, write_note, changes=True)
EDIT = Page("edit", "/{id}/edit", BOTH, edit_record, changes=True)
BULK = Page("bulk", "/bulk", POST, change_in_bulk, changes=True)
NEW = Page("new", "/new", BOTH, new_record, changes=True)
DELETE = Page("delete", "/{id}/delete", BOTH, delete_one, changes=True)


def pages_of(kind: Kind) -> Iterator[Page]:
    yield from LIST_PAGES
    # Where a kind has a page of its own, the generic one stands beside it.
    yield Page("show", "/{id}/record" if kind.page else "/{id}", GET, show_record)
    yield NOTES
    if can_be_edited(kind):
        yield EDIT
    if can_be_changed_in_bulk(kind) or kind.deletable:
        yield BULK
    if kind.creatable:
        yield NEW
    if kind.deletable:
        yield DELETE


def init_record_pages(app: Flask, kinds: Sequence[Kind] = KINDS) -> None:
    """Give every kind its pages under /staff. Their endpoints are "staff.list_device_type" …"""
    app.extensions["jifang_kinds"] = tuple(kinds)
    for kind in kinds:
        ident = f"<int:{id_argument(kind)}>"
        for page in pages_of(kind):
            app.add_url_rule(
                f"/staff/{kind.plural}{page.tail.format(id=ident)}",
                endpoint=endpoint_of(kind, page),
                view_func=_bind(page.view, kind),
                methods=list(page.methods),
            )
    app.add_url_rule("/staff/deleted", endpoint="staff.deleted", view_func=show_deleted)
    app.add_url_rule(
        "/staff/deleted/<int:deletion_id>/restore",
        endpoint="staff.restore",
        view_func=restore,
        methods=["POST"],
    )


def endpoint_of(kind: Kind, page: Page) -> str:
    return f"staff.{page.deed}_{kind.name}"


def _bind(view: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
    """The view for this kind; the address gives it no more than the record's number."""

    def call(**values: int) -> Any:
        return view(kind, *values.values())

    return update_wrapper(call, view)


def record_policy(kinds: Sequence[Kind] = KINDS) -> dict[str, Access]:
    """Who may call the pages of these kinds: `see` reads, `change` writes."""
    policy = {
        endpoint_of(kind, page): needs(kind.change if page.changes else kind.see)
        for kind in kinds
        for page in pages_of(kind)
    }
    changing = dict.fromkeys(kind.change for kind in kinds)
    seeing = dict.fromkeys(kind.see for kind in kinds)
    # What is deleted is shown by kind to those who may see it; without kinds to nobody below staff.
    policy["staff.deleted"] = needs(*(seeing or [Right.SEE_SPACE]))
    policy["staff.restore"] = needs(*(changing or [Right.CHANGE_SPACE]))
    return policy
