"""A bare Flask application around the templates: no database, no sign-in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from wtforms import BooleanField, Form, IntegerField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

import dcim.web
from dcim.security import init_headers
from tests.unit.web.sample_cabinet import sample_elevation


class HoldForm(Form):  # type: ignore[misc]
    name = StringField("Name", [InputRequired("Who is it for?")])
    units = IntegerField("Rack units")
    room = SelectField("Room", choices=[SelectChoice("m3", "SH01 · M3")])
    feeds = RadioField("Power", choices=[SelectChoice("ab", "A and B"), SelectChoice("a", "One")])
    notify = BooleanField("Tell the customer")


def bare_app() -> Flask:
    folder = Path(dcim.web.__file__).parent
    app = Flask(
        "face", template_folder=str(folder / "templates"), static_folder=str(folder / "static")
    )
    app.secret_key = "only for the templates' flash messages"
    app.config["BABEL_DEFAULT_LOCALE"] = "en"
    Babel(app)
    init_headers(app, https=False)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def sample_page() -> dict[str, Any]:
    """A context with everything base.html and the style guide can show."""
    bad = HoldForm(prefix="bad-")
    bad.validate()
    start = 1_795_363_200
    values: list[float | None] = [1800 + 1300 * math.sin(i / 46) for i in range(288)]
    values[150:172] = [None] * 22
    return {
        "lang": "en",
        "face": "staff",
        "nav": [
            {"label": "Space", "url": "#", "active": True},
            {"label": "Power", "url": "#", "active": False},
        ],
        "languages": [("zh-CN", "中文", "?lang=zh")],
        "user": {"name": "Duty 02", "detail": "duty02@example.net"},
        "user_menu": [("Change password", "#")],
        "logout_url": "/logout",
        "search_url": "/search",
        "zone": "UTC+8",
        "crumbs": [("SH01", "#"), ("A-07", "#")],
        "elevation": sample_elevation(),
        "own_elevation": sample_elevation("c1"),
        "good": HoldForm(data={"name": "Orange Tile", "units": 8, "room": "m3", "feeds": "ab"}),
        "bad": bad,
        "chart_data": {
            "x": [start + 300 * i for i in range(288)],
            "unit": "Mbps",
            "zone": "Asia/Shanghai",
            "series": [{"label": "Out", "values": values, "role": "main"}],
            "lines": [{"label": "p95", "value": 3084, "role": "p95"}],
            "spans": [{"from": start + 45000, "to": start + 51300, "role": "missing"}],
        },
    }


@pytest.fixture
def face() -> Flask:
    return bare_app()
