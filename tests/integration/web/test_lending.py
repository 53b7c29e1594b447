"""An application that is lent again is as new, and the worker's sessions are each test's own."""

from dataclasses import replace

from jinja2 import DictLoader
from sqlalchemy import event, text

from dcim.app import create_app
from dcim.config import Settings
from dcim.db import SessionFactory
from tests.integration.web.lending import lend_app

heard: list[str] = []


def test_nothing_of_the_test_before_is_left(settings: Settings, sessions: SessionFactory) -> None:
    app = lend_app(create_app, settings, sessions)
    config, extensions, loader = dict(app.config), dict(app.extensions), app.jinja_env.loader
    assert app.test_client().get("/login?lang=en").status_code == 200
    app.config.update(MAX_CONTENT_LENGTH=1, ANOTHER=True)
    app.extensions["jifang_find_zone"] = lambda: "Europe/Berlin"
    app.extensions["jifang_plant"] = object()
    app.jinja_env.loader = DictLoader({})
    again = lend_app(create_app, settings, sessions)
    assert again is app
    assert (dict(app.config), dict(app.extensions)) == (config, extensions)
    assert app.jinja_env.loader is loader


def test_its_folder_is_the_test_s_and_other_settings_have_another_app(
    settings: Settings, sessions: SessionFactory
) -> None:
    app = lend_app(create_app, settings, sessions)
    elsewhere = replace(settings, data=settings.data / "elsewhere")
    assert lend_app(create_app, elsewhere, sessions) is app
    assert app.config["JIFANG"] is elsewhere
    assert lend_app(create_app, replace(settings, session_minutes=5), sessions) is not app


def test_what_listens_to_one_test_s_statements(sessions: SessionFactory) -> None:
    sessions.configure(info={"sender": "left"})
    event.listen(sessions.kw["bind"], "before_cursor_execute", lambda *a: heard.append(a[2]))
    with sessions() as session:
        session.execute(text("SELECT 1"))
    assert heard


def test_does_not_listen_to_the_next_one_s(sessions: SessionFactory) -> None:
    heard.clear()
    with sessions() as session:
        session.execute(text("SELECT 1"))
        assert session.info == {"sender": None}
    assert not heard
