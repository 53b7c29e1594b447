"""Parts of a page that refresh by themselves: an ETag of the data, 304 while it is the same."""

import hashlib
from collections.abc import Callable

from flask import make_response, request
from werkzeug.wrappers import Response

from dcim.accounts.scope import Scope
from dcim.i18n import choose_language

# Past this the newest sample is called old on every board.
STALE_S = 180


def tag_of(scope: Scope, *parts: object) -> str:
    """Everything the answer depends on: who asks, the whole URL, the language, and `parts`.

    The reader of a page is in it, so that one person's answer never confirms another's.
    """
    told = (scope.actor, scope.customer_id, request.full_path, choose_language(), parts)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def answer_part(tag: str, render: Callable[[str], str]) -> Response:
    """304 when the browser has this tag already, else what `render(quoted tag)` makes.

    The page sends the tag back by itself (`hx-headers`): nothing here is kept by the browser.
    """
    if request.if_none_match.contains_weak(tag):
        answer = make_response("", 304)
    else:
        answer = make_response(render(f'"{tag}"'))
    answer.set_etag(tag)
    return answer


def wants_part() -> bool:
    """Whether htmx asks for the refreshing part alone."""
    return bool(request.headers.get("HX-Request"))
