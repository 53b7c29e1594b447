"""How much a route takes in: the instance's limit, or more where files are handed in."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request

View = TypeVar("View", bound=Callable[..., Any])
# What a form holds beside its file: fields, boundaries, the CSRF token.
FORM_ROOM = 64 * 1024


def takes_files_of(most: int) -> Callable[[View], View]:
    """Have a view take a form with a file of `most` bytes, whatever others take."""

    def mark_view(view: View) -> View:
        view.largest_file = most  # type: ignore[attr-defined]
        return view

    return mark_view


def limit_body() -> None:
    """Before the first look at the body, which is before a form's token is checked."""
    view = current_app.view_functions.get(request.endpoint or "")
    most = getattr(view, "largest_file", 0)
    usual = request.max_content_length
    if most and usual is not None and usual < most + FORM_ROOM:
        request.max_content_length = most + FORM_ROOM


def say_largest() -> str:
    """The limit of this request's route, as people say it; "" where there is none."""
    most = request.max_content_length
    if most is None:
        return ""
    return f"{most >> 20} MB" if most >> 20 else f"{most >> 10} kB"
