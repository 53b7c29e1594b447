"""Markup that is the same for everybody with the same rights and language, made once a process."""

from collections.abc import Callable

from flask import current_app, g
from markupsafe import Markup

from dcim.i18n import choose_language

# About 12 kB each.
MOST = 1000


def remember(about: tuple[object, ...], make: Callable[[], Markup]) -> Markup:
    """What `make` gave before for what it is `about`; asked anew for other rights or languages.

    `make` may use nothing else that differs between two requests.
    """
    known: dict[tuple[object, ...], Markup] = current_app.extensions.setdefault(
        "jifang_remembered", {}
    )
    key = (choose_language(), g.rights, *about)
    # Other threads may clear what is known at any moment.
    if (found := known.get(key)) is None:
        if len(known) > MOST:
            known.clear()
        found = known[key] = make()
    return found
