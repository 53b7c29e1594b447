"""An empty house served to a browser, and a person who walks through its pages."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from dcim.accounts.models import Role, User
from dcim.accounts.people import ensure_roles
from dcim.accounts.scope import Scope
from dcim.app import create_app
from dcim.config import EncryptionKeys, Settings
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from tests.e2e.listening import listening
from tests.e2e.test_components import watch
from tests.integration.conftest import TEMPLATE, migrate
from tests.servers import build_template, fresh_database, scratch_server, shared_directory

# Where pictures of the main steps go, for looking at; none are taken without it.
PICTURES = os.environ.get("JIFANG_PICTURES")


@dataclass
class Walker:
    """A person at one browser, reading Chinese; every page it opens is checked as it comes."""

    page: Page
    complaints: list[str]
    at: dict[str, str] = field(default_factory=dict)  # addresses to come back to

    def go(self, path: str) -> None:
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)
        self.look()

    def look(self) -> None:
        over = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, (self.page.url, over)
        assert self.complaints == [], self.page.url

    def follow(self, words: str) -> None:
        """Click the link or button that says so."""
        found = self.page.locator("main").get_by_role("link", name=words)
        if not found.count():
            found = self.page.locator("main").get_by_role("button", name=words)
        with self.page.expect_navigation():
            found.first.click()
        self.look()

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            found = self.page.locator(f"main form [name={name}]:not([type=hidden])")
            if not found.count():
                found = self.page.locator(f"main form [name={name}__path]")
            if found.evaluate("one => one.tagName") == "SELECT":
                found.select_option(value)
            else:
                found.fill(value)

    def send(self, words: str) -> None:
        """Press the form's button; the page that comes says it is done."""
        self.page.evaluate("document.documentElement.dataset.before = ''")
        button = self.page.locator("main form").get_by_role("button", name=words, exact=True)
        button.first.click()
        # Another page, or the same form with what is wrong with it. Between two pages there is a
        # document without an element.
        self.page.wait_for_function(
            "() => document.readyState !== 'loading'"
            " && (!('before' in document.documentElement.dataset)"
            " || document.querySelector('main [role=alert]'))"
        )
        self.page.wait_for_load_state()
        refused = self.page.locator("main .notice.is-down")
        assert not refused.count(), refused.first.inner_text()
        self.look()

    def sees(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text, use_inner_text=True)

    def bring(self, plural: str, lines: Sequence[Sequence[str]], encoding: str = "utf-8") -> None:
        """Import a sheet: send it, see that all of it is new, write it."""
        text = "".join(",".join(line) + "\r\n" for line in lines)
        self.go(f"/staff/{plural}/import")
        self.page.set_input_files(
            "input[name=file]",
            {"name": f"{plural}.csv", "mimeType": "text/csv", "buffer": text.encode(encoding)},
        )
        self.send("检查文件")
        self.sees(f"新建 {len(lines) - 1} ")
        self.send(f"写入 {len(lines) - 1} 行")
        self.sees(f"{len(lines) - 1} 行已全部写入")
        self.look()

    def search(self, text: str) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.type(text)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.look()

    def picture(self, name: str, *, full: bool = False) -> None:
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=full)


@dataclass(frozen=True)
class House:
    """An instance with nothing in it but its roles and an administrator, who reads Chinese."""

    address: str
    cookie: str
    sessions: SessionFactory
    settings: Settings
    sign: Callable[[str], str]  # a person's uniquifier into the cookie of its session


@contextmanager
def serve_house(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[House]:
    data = tmp_path_factory.mktemp(name)
    for folder in ("keys", "statements", "spool", "log"):
        (data / folder).mkdir(mode=0o700)
    with scratch_server(shared_directory(tmp_path_factory)) as server:
        build_template(server, TEMPLATE, migrate)
        with fresh_database(server, name, template=TEMPLATE) as database:
            settings = Settings(
                data=data,
                secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
                encryption=EncryptionKeys("k1", {"k1": bytes(range(32))}),
                database_url=database.app_url,
                owner_database_url=database.owner_url,
            )
            engine = make_engine(database.app_url)
            sessions = make_sessions(engine)
            app = create_app(settings, sessions)
            _enter_administrator(sessions)
            signer = SecureCookieSessionInterface().get_signing_serializer(app)
            assert signer is not None

            def sign(uniquifier: str) -> str:
                return str(signer.dumps({"_user_id": uniquifier, "_fresh": True}))

            with listening(app) as address:
                yield House(address, sign("new"), sessions, settings, sign)
            engine.dispose()


def _enter_administrator(sessions: SessionFactory) -> None:
    with transaction(sessions, Scope.system("e2e")) as session:
        ensure_roles(session)
        session.flush()
        role = session.scalars(select(Role).where(Role.name == "administrator")).one()
        session.add(
            User(
                email="new@example.org", name="新来的", password="x", fs_uniquifier="new",
                language="zh", roles=[role],
            )
        )  # fmt: skip


@contextmanager
def walk_through(
    browser: Browser, house: House, *, width: int = 1440, height: int = 900, touch: bool = False
) -> Iterator[Walker]:
    context = browser.new_context(
        base_url=house.address, locale="zh-CN", viewport={"width": width, "height": height},
        has_touch=touch, is_mobile=touch,
    )  # fmt: skip
    context.add_cookies([{"name": "jifang", "value": house.cookie, "url": house.address}])
    page = context.new_page()
    yield Walker(page, watch(page))
    context.close()
