"""What makes long pages quick changes nothing of what they say: words, addresses, counts."""

import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup, escape

from dcim.accounts.roles import Right
from dcim.app import create_app, serve
from dcim.capacity.snapshot import current_board
from dcim.config import Settings
from dcim.customers.models import Contact, Customer
from dcim.db import SessionFactory, transaction
from dcim.http.addresses import NUMBER
from dcim.records import listing
from dcim.records.listing import Wish, list_records
from dcim.records.writing import create_record
from dcim.web import translated_templates
from dcim.web.remembered import remember
from dcim.web.staff.records.showing import escape_all
from dcim.web.translated_templates import TranslatedEnvironment
from tests.integration.records.kinds import ROOM, SITE
from tests.integration.web.conftest import Login
from tests.integration.web.record_pages import STAFF, Browser, counted, make_app

MakeLogin = Callable[..., Login]
WORDS = (
    "{{ _('Save') }}|{{ _(word) }}|{{ _('%(count)s in all', count=count) }}|{{ '<' ~ _('Save') }}"
)


@pytest.fixture
def app(settings: Settings, sessions: SessionFactory) -> Flask:
    return make_app(settings, sessions)


def render(app: Flask, name: str, language: str) -> str:
    with app.test_request_context(f"/?lang={language}"):
        app.preprocess_request()
        template = app.jinja_env.get_template(name)
        return template.render(word="Save", count=Markup("<b>") + "<i>")


@pytest.fixture
def written(app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An app with a template of its own, as .html and as .txt."""
    folder = tmp_path_factory.mktemp("templates")
    for ending in ("html", "txt"):
        (folder / f"words.{ending}").write_text(WORDS)
    assert app.jinja_env.loader is not None
    app.jinja_env.loader = ChoiceLoader([FileSystemLoader(folder), app.jinja_env.loader])
    return app


@pytest.mark.parametrize(
    ("language", "save", "all_in"), [("zh", "保存", "共 {}"), ("en", "Save", "{} in all")]
)
def test_words_stand_in_the_code_of_a_page(
    written: Flask, language: str, save: str, all_in: str
) -> None:
    count = all_in.format("<b>&lt;i&gt;")
    assert render(written, "words.html", language) == f"{save}|{save}|{count}|&lt;{save}"
    plain = all_in.format("<b>&lt;i&gt;")
    assert render(written, "words.txt", language) == f"{save}|{save}|{plain}|<{save}"


def test_they_are_looked_up_when_compiled_alone(
    written: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(written, "words.html", "zh")
    asked: list[str] = []

    def look_up(text: str) -> str:
        asked.append(text)
        return text

    monkeypatch.setattr(translated_templates, "gettext", look_up)
    render(written, "words.html", "zh")
    assert asked == ["Save"], "the word that is no constant"


def test_compiled_templates_are_kept_for_the_next_start(
    settings: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TranslatedEnvironment, "cache_folder", None)
    folder = settings.data / "cache"
    make_app(settings, sessions).test_client().get("/login?lang=en")
    (english,) = folder.iterdir()
    assert english.name.startswith("templates-en-")
    assert english.stat().st_mode & 0o077 == 0
    kept = {one.name: one.stat().st_mtime_ns for one in english.iterdir()}
    assert kept
    make_app(settings, sessions).test_client().get("/login?lang=en")
    assert {one.name: one.stat().st_mtime_ns for one in english.iterdir()} == kept


def test_a_cache_that_cannot_be_written_keeps_nothing_from_being_shown(
    settings: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TranslatedEnvironment, "cache_folder", None)
    app = make_app(settings, sessions)
    app.test_client().get("/login?lang=en")
    # Deleted while the program runs, and a file where it would be made anew.
    shutil.rmtree(settings.data / "cache")
    (settings.data / "cache").write_text("")
    client = app.test_client()
    assert client.get("/no-such-page?lang=en").status_code == 404
    assert client.get("/login?lang=zh").status_code == 200


def test_remembered_addresses_are_the_true_ones(app: Flask) -> None:
    plain: Any = Flask.url_for
    remembering: Any = app.url_for
    tried = 0
    with app.test_request_context("/staff/", environ_overrides={"SCRIPT_NAME": "/dcim"}):
        for rule in app.url_map.iter_rules():
            values = dict.fromkeys(rule.arguments, 12)
            if len(values) > 1 or rule.endpoint == "static":
                continue
            for number in (12, 7, NUMBER - 1):
                values = dict.fromkeys(rule.arguments, number)
                wanted = plain(app, rule.endpoint, **values)
                assert remembering(rule.endpoint, **values) == wanted
                tried += 1
        assert app.url_for("static", filename="css/app.css") == "/dcim/static/css/app.css"
        assert app.url_for("staff.list_site", page=3) == "/dcim/staff/sites?page=3"
        assert app.url_for("staff.list_site", _anchor="x") == "/dcim/staff/sites#x"
        assert app.url_for("staff.list_site", _external=True).startswith("http://localhost/")
    with app.test_request_context("/staff/"):
        assert app.url_for("static", filename="css/app.css") == "/static/css/app.css"
    assert tried > 500


@pytest.fixture
def rooms(sessions: SessionFactory) -> None:
    with transaction(sessions, STAFF) as session:
        values = {"code": "SH1", "name": "上海一", "name_en": "Shanghai One"}
        site = create_record(session, STAFF, SITE, values)
        for n in range(4):
            room = {"site_id": site.id, "code": f"R{n}", "name": f"机房{n}"}
            create_record(session, STAFF, ROOM, room)


@pytest.mark.usefixtures("rooms")
def test_a_large_count_is_kept_for_a_while(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count() -> tuple[int, int]:
        """What the list says, and how often it counted."""
        with counted(sessions) as seen, transaction(sessions, STAFF) as session:
            total = list_records(session, STAFF, ROOM, Wish()).total
        return total, sum("count(" in one for one in seen)

    def add(code: str) -> None:
        with transaction(sessions, STAFF) as session:
            create_record(session, STAFF, ROOM, {"site_id": 1, "code": code, "name": code})

    # Few are counted each time.
    assert [count(), count()] == [(4, 1), (4, 1)]
    monkeypatch.setattr(listing, "LARGE", 3)
    assert [count(), count()] == [(4, 1), (4, 0)]
    add("R9")
    assert count() == (4, 0)
    monkeypatch.setattr(listing, "KEPT_S", 0.0)
    listing._counts.clear()
    assert [count(), count()] == [(5, 1), (5, 1)]


@pytest.mark.usefixtures("rooms")
def test_a_text_is_looked_for_once(sessions: SessionFactory) -> None:
    with counted(sessions) as seen, transaction(sessions, STAFF) as session:
        found = list_records(session, STAFF, ROOM, Wish(text="机房"))
    assert (found.total, len(found.items)) == (4, 4)
    assert sum("find_by_text" in one for one in seen) == 1


@pytest.mark.parametrize(("language", "name"), [("zh", "芦苇"), ("en", "Reed Ltd")])
def test_what_is_referred_to_is_named_in_the_readers_language(
    settings: Settings, sessions: SessionFactory, make_login: MakeLogin, language: str, name: str
) -> None:
    with transaction(sessions, STAFF) as session:
        values = {"code": "C1", "name": "芦苇", "name_en": "Reed Ltd"}
        customer = Customer(**values)
        session.add(customer)
        session.flush()
        session.add(Contact(customer_id=customer.id, name="李", email="li@reed.example"))
    staff = Browser(create_app(settings, sessions), make_login("administrator"))
    page = staff.get(f"/staff/contacts?columns=name,customer_id&lang={language}")
    assert re.findall(r'data-label="[^"]*"><a href="/staff/customers/1">([^<]*)</a>', page) == [
        name
    ]


def test_the_first_search_for_space_finds_all_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.app.load_settings", lambda: settings)
    monkeypatch.setattr("dcim.app.configure_logging", lambda *_args, **_options: None)
    app = serve()
    app.extensions["jifang_warm"]()
    sessions = app.extensions["jifang_sessions"].session_factory
    with counted(sessions) as seen, transaction(sessions, STAFF) as session:
        current_board(session, STAFF)
    asked = [one for one in seen if "set_config" not in one]
    assert len(asked) == 1, "what has changed since, and nothing else"
    sessions.kw["bind"].dispose()


def test_markup_is_remembered_for_one_language_and_set_of_rights(app: Flask) -> None:
    made: list[str] = []

    def show(language: str, *rights: Right) -> str:
        def make() -> Markup:
            made.append(language)
            return Markup(f"{language} {len(rights)}")  # noqa: S704  two words of ours

        with app.test_request_context(f"/?lang={language}"):
            app.preprocess_request()
            g.rights = frozenset(rights)
            return str(remember(("test",), make))

    for _again in range(2):
        assert show("zh", Right.SEE_SPACE) == "zh 1"
        assert show("en", Right.SEE_SPACE) == "en 1"
        assert show("en") == "en 0"
    assert made == ["zh", "en", "en"]


@pytest.mark.parametrize(
    "texts", [[], ["<b>"], ["a & b", "", "'"], ["a\0<", "b"], ["\0"], ["\0\0", "", "<\0>"]]
)
def test_texts_escaped_together_are_escaped_as_each(texts: list[str]) -> None:
    assert escape_all(texts) == [str(escape(one)) for one in texts]
