"""The newcomer's way: from an empty database, by the pages alone, to space sold and found again.

The tests are steps of one walk and share its database; each goes on where the last one stopped.
"""

import io
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from werkzeug.serving import make_server

from dcim.accounts.models import Role, User
from dcim.accounts.people import ensure_roles
from dcim.accounts.scope import Scope
from dcim.app import create_app
from dcim.config import EncryptionKeys, Settings
from dcim.db import make_engine, make_sessions, transaction
from tests.e2e.test_components import browser, watch  # noqa: F401 - the fixture
from tests.integration.conftest import TEMPLATE, migrate
from tests.servers import build_template, fresh_database, scratch_server, shared_directory

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Where pictures of the main steps go, for looking at; none are taken without it.
PICTURES = os.environ.get("JIFANG_PICTURES")
SPACE = "SH9/R1/A"
CABINETS = [f"A{number:02}" for number in range(1, 11)]
QUARTERED, SHARED = "A03", "A04"
RACKS = [f"{SPACE}/{code}/{code}" + ("-1" if code == QUARTERED else "") for code in CABINETS]
CUSTOMERS = [
    ("NEWBANK", "新桥银行", "Newbridge Bank"),
    ("YUNFAN", "云帆科技", "Yunfan Technology"),
    ("QINGHE", "清河数据", "Qinghe Data"),
    ("MINGYUE", "明月传媒", "Mingyue Media"),
]
# Whose server stands where: customer, cabinet, rack, lowest U.
SERVERS = [
    *[("NEWBANK", "A01", "A01", u) for u in (1, 2, 3, 4, 5)],
    *[("YUNFAN", "A02", "A02", u) for u in (1, 2, 3, 4)],
    ("QINGHE", QUARTERED, "A03-1", 1),
    *[("MINGYUE", SHARED, "A04", u) for u in (1, 10)],
]
SERVER_YAML = """\
manufacturer: Inspur
model: NF5180M6 test
slug: inspur-nf5180m6-test
u_height: 1
is_full_depth: true
weight: 18
weight_unit: kg
power-ports:
  - {name: PSU1, type: iec-60320-c14, maximum_draw: 550, allocated_draw: 400}
  - {name: PSU2, type: iec-60320-c14, maximum_draw: 550, allocated_draw: 400}
interfaces:
  - {name: eth0, type: 10gbase-x-sfpp}
  - {name: eth1, type: 10gbase-x-sfpp}
  - {name: ipmi, type: 1000base-t, mgmt_only: true}
"""
SWITCH_YAML = """\
manufacturer: H3C
model: S6800 test
slug: h3c-s6800-test
u_height: 1
is_full_depth: true
interfaces:
  - {name: XGE1/0/1, type: 10gbase-x-sfpp}
  - {name: XGE1/0/2, type: 10gbase-x-sfpp}
power-ports:
  - {name: PSU1, type: iec-60320-c14, maximum_draw: 300}
"""
PANEL_YAML = """\
manufacturer: CommScope
model: LC-24 test
slug: commscope-lc-24-test
u_height: 1
is_full_depth: false
front-ports:
  - {name: F1, type: lc, rear_port: R1}
  - {name: F2, type: lc, rear_port: R2}
rear-ports:
  - {name: R1, type: lc}
  - {name: R2, type: lc}
"""


@dataclass
class Walker:
    """A person at one browser, reading Chinese; every page it opens is checked as it comes."""

    page: Page
    complaints: list[str]
    at: dict[str, str] = field(default_factory=dict)

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
        found.first.click()
        self.page.wait_for_load_state()
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
        before = self.page.url
        button = self.page.locator("main form").get_by_role("button", name=words, exact=True)
        button.first.click()
        self.page.wait_for_function(
            "before => location.href !== before || document.querySelector('[role=alert]')",
            arg=before,
        )
        self.page.wait_for_load_state()
        refused = self.page.locator("main .notice.is-down")
        assert not refused.count(), refused.first.inner_text()
        self.look()

    def sees(self, *texts: str) -> None:
        shown = self.page.locator("main").inner_text()
        for text in texts:
            assert text in shown, (text, self.page.url, shown[:1500])

    def bring(self, plural: str, lines: Sequence[Sequence[str]], encoding: str = "utf-8") -> None:
        """Import a sheet: send it, see that all of it is new, write it."""
        text = "".join(",".join(line) + "\r\n" for line in lines)
        self.go(f"/staff/{plural}/import")
        self.page.set_input_files(
            "input[name=file]",
            {"name": f"{plural}.csv", "mimeType": "text/csv", "buffer": text.encode(encoding)},
        )
        self.send("检查文件")
        self.sees(f"新增 {len(lines) - 1}")
        self.page.locator("main form button.btn-primary").click()
        self.page.wait_for_load_state()
        self.sees(f"全部 {len(lines) - 1} 行已写入")
        self.look()

    def search(self, text: str) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_load_state()
        self.look()

    def picture(self, name: str, *, full: bool = False) -> None:
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=full)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """An instance with nothing in it but its roles and an administrator: its address, a session."""
    data = tmp_path_factory.mktemp("newcomer")
    for folder in ("keys", "statements", "spool", "log"):
        (data / folder).mkdir(mode=0o700)
    with scratch_server(shared_directory(tmp_path_factory)) as server:
        build_template(server, TEMPLATE, migrate)
        with fresh_database(server, "newcomer", template=TEMPLATE) as database:
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
            with transaction(sessions, Scope.system("newcomer")) as session:
                ensure_roles(session)
                session.flush()
                role = session.scalars(select(Role).where(Role.name == "administrator")).one()
                session.add(
                    User(
                        email="new@example.org", name="新来的", password="x", fs_uniquifier="new",
                        language="zh", roles=[role],
                    )
                )  # fmt: skip
            signer = app.session_interface.get_signing_serializer(app)
            cookie = str(signer.dumps({"_user_id": "new", "_fresh": True}))
            listener = make_server("127.0.0.1", 0, app, threaded=True)
            thread = threading.Thread(target=listener.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{listener.port}", cookie
            listener.shutdown()
            thread.join()
            listener.server_close()
            engine.dispose()


@pytest.fixture(scope="module")
def walker(browser: Browser, house: tuple[str, str]) -> Iterator[Walker]:  # noqa: F811
    address, cookie = house
    context = browser.new_context(
        base_url=address, locale="zh-CN", viewport={"width": 1440, "height": 900}
    )
    context.add_cookies([{"name": "jifang", "value": cookie, "url": address}])
    context.set_default_timeout(15_000)
    page = context.new_page()
    yield Walker(page, watch(page))
    context.close()


def test_site_room_and_row_from_the_empty_overview(walker: Walker) -> None:
    walker.go("/staff/")
    walker.picture("01-empty")
    walker.follow("新建站点")
    walker.fill(code="SH9", name="上海九号数据中心", name_en="Shanghai 9", address="浦东新区")
    walker.send("创建")
    walker.sees("SH9", "上海九号数据中心")
    walker.go("/staff/")
    walker.follow("新建机房")
    assert walker.page.input_value("[name=site_id__path]") == "SH9"
    walker.fill(code="R1", name="一号机房", name_en="Room 1")
    walker.send("创建")
    walker.sees("一号机房", "还没有机柜")
    walker.picture("02-room-empty")
    walker.follow("新建行")
    walker.fill(code="A")
    walker.send("创建")
    walker.sees(SPACE)


def test_ten_cabinets_by_form_copy_and_sheet(walker: Walker) -> None:
    page = walker.page
    walker.go("/staff/cabinets/new")
    # The reference is chosen from what is suggested while one types.
    page.locator("[name=row_id__path]").press_sequentially("A")
    page.locator(".suggestions [role=option]").first.click()
    assert page.input_value("[name=row_id__path]") == SPACE
    walker.fill(code="A01")
    walker.picture("03-cabinet-form")
    walker.send("创建并继续添加")
    assert page.input_value("[name=row_id__path]") == SPACE
    walker.fill(code="A02")
    walker.send("创建")
    walker.sees("A02")
    walker.follow("字段、备注与历史")
    walker.follow("复制")
    walker.fill(code="A03")
    walker.send("创建")
    sheet = [["行*", "编号*", "承重"], *[[SPACE, code, "1200"] for code in CABINETS[3:]]]
    walker.bring("cabinets", sheet, "gb18030")
    walker.go("/staff/cabinets")
    walker.sees("共 10", *CABINETS)
    walker.picture("04-cabinets")
    walker.go("/staff/")
    walker.follow("一号机房")
    walker.picture("05-room", full=True)
