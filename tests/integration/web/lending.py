"""An application made once a worker and lent to each test as new: to make one takes longer than
most tests of a page.

What a test finds is what `create_app` left: settings, sessions, and whatever it remembers are the
test's own; the routes, and the templates that are compiled, are the worker's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import BaseLoader

from dcim.config import Settings
from dcim.db import SessionFactory

MakeApp = Callable[[Settings, SessionFactory], Flask]


@dataclass(frozen=True, slots=True)
class _Lent:
    app: Flask
    settings: Settings
    sessions: SessionFactory
    config: dict[str, Any]
    extensions: dict[str, Any]
    loader: BaseLoader | None


# By what made them, and the id of what they were made on.
_lent: dict[tuple[MakeApp, int], _Lent] = {}


def lend_app(make: MakeApp, settings: Settings, sessions: SessionFactory) -> Flask:
    """What `make` makes of these, or made for a test before."""
    general = replace(settings, data=Path())
    key = (make, id(sessions))
    known = _lent.get(key)
    if known is None or known.settings != general:
        app = make(settings, sessions)
        app.testing = True
        # With its sessions, so that their id isn't given to others.
        known = _lent[key] = _Lent(
            app, general, sessions, dict(app.config), dict(app.extensions), app.jinja_env.loader
        )
    app = known.app
    for kept, at_first in ((app.config, known.config), (app.extensions, known.extensions)):
        kept.clear()
        kept.update(at_first)
    app.config["JIFANG"] = settings
    app.jinja_env.loader = known.loader
    return app
