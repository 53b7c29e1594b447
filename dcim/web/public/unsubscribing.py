"""The end of one kind of notice by the link in a mail: asked by a page, done by one POST."""

from flask import current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from dcim.accounts.people import scope_of
from dcim.config import Settings
from dcim.errors import NotFoundError
from dcim.http.database import db_session, enter_scope
from dcim.notices.opting_out import Leaving, leave, read_leaving
from dcim.notices.telling import SCOPE
from dcim.web.delivery_words import EVENT_WORDS
from dcim.web.public.blueprint import public


@public.route("/unsubscribe/<token>", methods=["GET", "POST"])
def unsubscribe(token: str) -> Response:
    """GET changes nothing: programs that look at links before people do end nothing by it."""
    session = db_session()
    try:
        # Whose link it is isn't known before it is read.
        with session.within(SCOPE):
            leaving = read_leaving(session, _settings(), token)
    except NotFoundError:
        answer = _show(None)
        answer.status_code = 404
        return answer
    enter_scope(scope_of(leaving.user))
    if request.method == "POST":
        leave(session, leaving)
    return _show(leaving, done=request.method == "POST")


def _show(leaving: Leaving | None, *, done: bool = False) -> Response:
    answer = make_response(
        render_template(
            "public/unsubscribe.html",
            leaving=leaving,
            kind=EVENT_WORDS[leaving.kind] if leaving else "",
            address=_mask(leaving.user.email) if leaving else "",
            done=done,
        )
    )
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _mask(address: str) -> str:
    """Enough for who has it to know it again: "l…@one.example"."""
    name, _at, host = address.partition("@")
    return f"{name[:1]}…@{host}"


def _settings() -> Settings:
    settings: Settings = current_app.config["JIFANG"]
    return settings
