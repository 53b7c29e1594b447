"""The request's database session: opened on first use, committed when the view is done."""

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response, current_app, g
from sqlalchemy.orm import scoped_session

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory


class CommittingFlask(Flask):
    """Commits after the view and before the answer, so a refused commit can still be told."""

    def dispatch_request(self) -> Any:
        answer = super().dispatch_request()
        if hooks := g.pop("before_commit", None):
            answer = self.make_response(answer)
            for hook in hooks:
                hook(answer)
        registry = self.extensions["jifang_sessions"]
        if registry.registry.has():
            registry().commit()
        return answer


def init_database(app: Flask, sessions: SessionFactory) -> "scoped_session[ScopedSession]":
    # One session per application context: never shared between requests or threads.
    registry = scoped_session(sessions, scopefunc=lambda: id(g._get_current_object()))
    app.extensions["jifang_sessions"] = registry

    @app.teardown_appcontext
    def close(error: BaseException | None) -> None:
        registry.remove()

    return registry


def db_session() -> ScopedSession:
    """This request's session. It sees tenant rows only once `enter_scope` was called."""
    return cast(ScopedSession, current_app.extensions["jifang_sessions"]())


def session_factory() -> SessionFactory:
    """For what needs transactions of its own, beside the request's."""
    return cast(SessionFactory, current_app.extensions["jifang_sessions"].session_factory)


def before_commit(hook: Callable[[Response], None]) -> None:
    """Have `hook` see the view's answer within the request's transaction, before its commit."""
    if "before_commit" not in g:
        g.before_commit = []
    g.before_commit.append(hook)


def enter_scope(scope: Scope) -> None:
    """Set whose data this request may reach; the policy guard does it once per request."""
    g.scope = scope
    db_session().use_scope(scope)


def current_scope() -> Scope:
    """The request's scope. A view without one is a view the policy guard never saw."""
    scope: Scope | None = g.get("scope")
    if scope is None:
        raise RuntimeError("no scope: this route is public and must not touch tenant data")
    return scope


__all__ = [
    "CommittingFlask",
    "before_commit",
    "current_scope",
    "db_session",
    "enter_scope",
    "init_database",
    "session_factory",
]
