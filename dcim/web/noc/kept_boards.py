"""Boards kept under names: for oneself, or for all staff to see."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from flask import flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from dcim.errors import JifangError
from dcim.http.database import db_session
from dcim.http.problems import say
from dcim.i18n import gettext as _
from dcim.records.models import SavedView
from dcim.records.views import delete_view, list_views, save_view


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is kept of one board. `face` is its name among the saved views; `keep` answers the
    form, whose address carries what is kept as the board's own does."""

    face: str
    board: str
    keep: str

    def url_of(self, view: SavedView, more: str = "") -> str:
        """`more` is added to what is kept, as it stands in a URL."""
        return with_query(self.board, "&".join(filter(None, (view.query, more))))


@dataclass(frozen=True, slots=True)
class KeptBoards:
    """For the template: those that this person sees, and where the form goes."""

    views: list[SavedView]
    shelf: Shelf
    query: str

    @property
    def keep_url(self) -> str:
        return with_query(self.shelf.keep, self.query)

    def url_of(self, view: SavedView) -> str:
        return self.shelf.url_of(view)

    def is_open(self, view: SavedView) -> bool:
        """Whether it is what is shown now, in whatever order its parameters stand."""
        return sorted(parse_qsl(view.query)) == sorted(parse_qsl(self.query))


def list_kept(shelf: Shelf, taken: Mapping[str, object]) -> KeptBoards:
    """One statement. `taken` as in `keep_board`."""
    views = list_views(db_session(), current_user.id, shelf.face)
    return KeptBoards(views, shelf, write_query(taken))


def keep_board(shelf: Shelf, taken: Mapping[str, object]) -> Response:
    """Keep this board under a name, for oneself or for all staff, or forget one.

    `taken` is what the board has made of its URL: nothing else is kept of it.
    """
    session, query = db_session(), write_query(taken)
    try:
        if request.form.get("deed") == "forget":
            number = request.form.get("view", "")
            known = number.isascii() and number.isdigit() and len(number) < 19
            delete_view(session, current_user.id, int(number) if known else 0)
            flash(_("The board is deleted."), "success")
        else:
            made = save_view(
                session, current_user.id, shelf.face, request.form.get("name", ""), query,
                shared="shared" in request.form,
            )  # fmt: skip
            flash(_("The board “%(name)s” is saved.", name=made.name), "success")
    except JifangError as error:
        session.rollback()
        flash(say(error), "error")
    return redirect(with_query(shelf.board, query), code=303)


def write_query(taken: Mapping[str, object]) -> str:
    """What of the URL was taken, in the order it stands there."""
    asked = [name for name in request.args if taken.get(name)]
    return urlencode([(name, str(taken[name])) for name in asked])


def with_query(endpoint: str, query: str) -> str:
    return url_for(endpoint) + (f"?{query}" if query else "")
