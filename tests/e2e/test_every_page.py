"""Every page there is, opened once, in a world whose every text is hostile.

Nothing of it runs, is fetched or becomes markup; the content policy has nothing to report; and axe
finds nothing serious in the dark or in the light. Routes are taken from the application: a new one
is opened without being named here.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, BrowserContext, Dialog, Error, Page, Request
from werkzeug.test import TestResponse

from dcim.records.sheets import guard
from dcim.security import HEADERS
from dcim.web.staff.records.exporting import XLSX
from tests.e2e.axe import PATH, examine, read_axe
from tests.e2e.crowd import Crowd, Visit, serve_crowd
from tests.e2e.hostile_devices import let_in
from tests.e2e.listening import Answer
from tests.e2e.test_components import browser
from tests.hostile_texts import (
    MARKUP,
    PRODUCT,
    SEARCH,
    TEXTS,
    TRIPWIRE,
    check_pdf,
    make_filler,
)
from tests.integration.matrix.cases import REPEATED
from tests.integration.matrix.conftest import IGNORED_WARNING

__all__ = ["browser"]

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings(IGNORED_WARNING)]

# Known by their address to be no page: not worth a browser's try.
FILE = re.compile(r"\.(csv|pdf|zip|ics|json)$|/export$|/files/<|/photo$")
# What a machine reads.
NO_PAGE = re.compile(r"^/(healthz|readyz|metrics)$|/options$|/photo$")
# Of the pages made from kinds, those that show what a row holds; the others are forms without it.
SHOWING = re.compile(r"^staff\.(list|show|edit|delete|notes)_")
# uPlot places its own layers by script, which no content policy minds.
OWN_STYLE = re.compile(r"^(DIV|I|TD|TR|CANVAS|PRE|TABLE|SPAN) style=[\w\s.:;,()#-]*$")


POLICY_SENT = HEADERS["Content-Security-Policy"]
HTML = {"Content-Type": "text/html; charset=utf-8"}


def _wrap(content: str) -> bytes:
    return f"<!doctype html><html lang=en><title>x</title><main>{content}</main>".encode()


# What each page is held against: texts as markup, with the policy and without; and each barrier.
FAULTS = {
    "color-contrast": "<p class=pale>pale</p>",
    "link-in-text-block": "<p>words <a class=alike href=/>alike</a> and more words</p>",
    "image-alt": "<img src=data:image/gif;base64,R0lGODlhAQABAAAAACw=>",
    "button-name": "<button></button>",
    "link-name": "<a href=/></a>",
    "label": "<input name=unlabelled>",
    "select-name": "<select><option>1</select>",
    "aria-valid-attr-value": "<button aria-labelledby=none aria-expanded=perhaps>x</button>",
    "tabindex": "<button tabindex=3>before all</button>",
    "list": "<ul><div>no entry</div></ul>",
    "heading-order": "<h1>one</h1><h4>four</h4>",
    "target-size": "<button class=tiny>a</button><button class=tiny>b</button>",
    "td-headers-attr": "<table><tr><th id=h>h<td headers=none>x</table>",
}
LOOKS = (
    "<style>.pale{color:light-dark(#bbb,#444);background:light-dark(#fff,#000)}"
    ".alike{color:light-dark(#111,#eee);text-decoration:none}"
    ".tiny{width:12px;height:12px;padding:0;border:0;margin:0}"
    "p{color:light-dark(#000,#fff)}:root{color-scheme:light dark}</style>"
)
CONTROLS: dict[str, Answer] = {
    "/control-guarded": (HTML | HEADERS, _wrap(" ".join(TEXTS))),
    "/control-open": (HTML, _wrap(" ".join(MARKUP[:9]))),
    "/control-faults": (HTML, _wrap(LOOKS + "".join(FAULTS.values()))),
    "/control-sound": (HTML | HEADERS, _wrap("<h1>Sound</h1><p>Nothing is wrong here.</p>")),
}


@dataclass
class Walk:
    """What was seen on the way."""

    opened: dict[str, str] = field(default_factory=dict)  # rule: the words on its page
    told: list[str] = field(default_factory=list)
    barriers: list[str] = field(default_factory=list)


class Walker:
    """A browser's page that goes from one address to the next as whoever may."""

    def __init__(self, browser: Browser, crowd: Crowd) -> None:
        self.crowd = crowd
        self.context: BrowserContext = browser.new_context(
            base_url=crowd.address, locale="en", color_scheme="light", reduced_motion="reduce",
            viewport={"width": 1440, "height": 900},
        )  # fmt: skip
        self.context.add_init_script(TRIPWIRE)
        self.page: Page = self.context.new_page()
        self.heard: list[str] = []
        self.who = ""
        self.policy = ""
        self.page.on("dialog", self._note_dialog)
        self.page.on("popup", lambda one: self.heard.append(f"opened {one.url}"))
        self.page.on("pageerror", lambda error: self.heard.append(f"error {error}"))
        self.page.on(
            "console",
            lambda one: (
                self.heard.append(one.text)
                if one.type in ("error", "warning") and "/favicon.ico" not in one.location["url"]
                else None
            ),
        )
        self.context.on("request", self._note_request)

    def _note_dialog(self, dialog: Dialog) -> None:
        self.heard.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _note_request(self, request: Request) -> None:
        url = request.url
        outside = not url.startswith((self.crowd.address, "data:image/"))
        if outside or url.removeprefix(self.crowd.address).startswith(("/pwned", "/x")):
            self.heard.append(f"asked {url[:120]}")

    def open(self, visit: Visit) -> int | None:
        """The answer's status; None for a download."""
        assert self.context.pages == [self.page], "a text opened a window"
        if visit.person.label != self.who:
            self.context.clear_cookies()
            if visit.person.cookie:
                cookie = self.crowd.cookie(visit.person)
                self.context.add_cookies(
                    [{"name": "jifang", "value": cookie, "url": self.crowd.address}]
                )
            self.who = visit.person.label
        self.heard.clear()
        try:
            answer = self.page.goto(visit.path)
        except Error as error:
            if "Download is starting" not in str(error):
                raise
            self.heard.clear()
            return None
        assert answer is not None
        self.policy = answer.headers.get("content-security-policy", "")
        return answer.status

    def search(self) -> list[str]:
        """What this page has or did that it shouldn't."""
        told = [one for one in self.page.evaluate(SEARCH) if not OWN_STYLE.match(one)]
        if self.policy != POLICY_SENT:
            told.append(f"its content policy is {self.policy!r}")
        if PRODUCT in self.page.content():
            told.append("reckoned a template of the text")
        return told + self.heard


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    beside = {PATH: read_axe(), **CONTROLS}
    with serve_crowd(tmp_path_factory, "every_page", make_filler(), beside) as made:
        let_in(made)
        yield made


@pytest.fixture(scope="module")
def walk(browser: Browser, crowd: Crowd) -> Walk:
    made = Walk()
    walker = Walker(browser, crowd)
    for visit in crowd.list_visits():
        is_repeated = visit.endpoint in REPEATED
        if FILE.search(visit.rule) or (is_repeated and not SHOWING.match(visit.endpoint)):
            continue
        where = f"{visit.rule} as {visit.person.role} ({visit.path})"
        status = walker.open(visit)
        if status is None:
            made.told.append(f"{where}: is a file; name it in FILE, so that it is checked as one")
            continue
        if status != 200:
            made.told.append(f"{where}: answered {status}")
        made.opened[visit.rule] = walker.page.content()
        made.told += [f"{where}: {one}" for one in walker.search()]
        # Pages made from kinds by the same functions have the same looks: sites stand for all.
        if not is_repeated and not NO_PAGE.search(visit.rule):
            made.barriers += [f"{where}: {one}" for one in examine(walker.page)]
    walker.context.close()
    return made


def test_nothing_hostile_runs_or_becomes_markup(walk: Walk) -> None:
    assert walk.told == [], "\n".join(["", *walk.told[:40]])


def test_the_texts_are_there_to_be_seen(walk: Walk) -> None:
    """The control of the walk: most pages did show them, and all of them were shown."""
    marked = [rule for rule, words in walk.opened.items() if "pwned" in words]
    assert len(walk.opened) > 300
    assert len(marked) > len(walk.opened) // 2
    unseen = [one for one in TEXTS if not any(_shown(one, words) for words in walk.opened.values())]
    assert unseen == []


def _shown(text: str, page: str) -> bool:
    """By its longest run of letters and signs that no escaping touches."""
    longest = max(re.findall(r"[\w*{}().:/;=+ -]+", text), key=len)
    return longest in page


def test_no_serious_barrier(walk: Walk) -> None:
    assert walk.barriers == [], "\n".join(["", *walk.barriers[:40]])


def open_control(browser: Browser, crowd: Crowd, path: str) -> tuple[list[str], list[str]]:
    """What is told of a page of CONTROLS, and its barriers."""
    walker = Walker(browser, crowd)
    assert walker.open(Visit("control", path, path, crowd.world.people[0])) == 200
    walker.page.wait_for_load_state("networkidle")
    told = walker.search()
    barriers = examine(walker.page) if "sound" in path or "faults" in path else []
    walker.context.close()
    return told, barriers


def test_control_texts_let_through_as_markup_are_told(browser: Browser, crowd: Crowd) -> None:
    told, _ = open_control(browser, crowd, "/control-guarded")
    for words in ("refused script-src-elem", "refused script-src-attr", "made <", "inline "):
        assert any(words in one for one in told), (words, told)
    assert not any(one.startswith("ran ") for one in told), "the content policy holds"


def test_control_without_the_policy_they_run_and_that_is_told(
    browser: Browser, crowd: Crowd
) -> None:
    told, _ = open_control(browser, crowd, "/control-open")
    assert "its content policy is ''" in told
    assert any(one.startswith("ran ") for one in told)
    assert any("asked" in one and "pwned.example" in one for one in told)


def test_control_each_barrier_is_told_and_a_sound_page_has_none(
    browser: Browser, crowd: Crowd
) -> None:
    told, barriers = open_control(browser, crowd, "/control-sound")
    assert (told, barriers) == ([], [])
    _, barriers = open_control(browser, crowd, "/control-faults")
    found = {one.split(" ")[0] for one in barriers}
    assert set(FAULTS) - found == set()
    for theme in ("dark", "light"):
        assert any(one.startswith(f"color-contrast ({theme}") for one in barriers)


# What lies on paper as well, for whom `format=pdf` asks.
ON_PAPER = ("staff.print_cabinets", "staff.label_sheet")


def fetch(crowd: Crowd, visit: Visit, query: str = "") -> TestResponse:
    path = visit.path + (("&" if "?" in visit.path else "?") + query if query else "")
    cookie = f"jifang={crowd.cookie(visit.person)}" if visit.person.cookie else ""
    answer = crowd.app.test_client(use_cookies=False).get(path, headers={"Cookie": cookie})
    answer.get_data()  # read whole: a file behind it is closed
    answer.close()
    return answer


def check_file(answer: TestResponse) -> list[str]:
    """What is wrong with an answer that is no page."""
    kind, content = answer.mimetype, answer.get_data()
    told = []
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        told.append("a browser may guess what it is")
    named = answer.headers.get("Content-Disposition", "")
    if not re.fullmatch(
        r"((attachment|inline)(; filename\*?=([\w.'%-]+|\"([^\"\\]|\\.)*\"))*)?", named
    ):
        told.append(f"its name is {named!r}")
    if kind == "text/csv":
        told += check_csv(content.decode("utf-8-sig"))
    elif kind == "application/json":
        json.loads(content)
    elif kind == "application/pdf" and b"CANARY" not in content:
        told += check_pdf(content)
    elif kind == "text/calendar":
        lines = content.decode().split("\r\n")
        told += [one for one in lines if "\n" in one or "\r" in one or one.startswith("Set-Cookie")]
    elif kind == XLSX:
        book = load_workbook(io.BytesIO(content))
        cells = [cell for row in book.worksheets[0].iter_rows() for cell in row]
        told += [f"formula {cell.value!r}" for cell in cells if cell.data_type == "f"]
        book.close()
    return told


def check_csv(text: str) -> list[str]:
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    told = [f"formula {cell!r}" for row in rows for cell in row if guard(cell) != cell]
    return told if rows else ["nothing in it"]


def test_no_file_runs_or_hides_anything(crowd: Crowd) -> None:
    told: list[str] = []
    kinds: Counter[str] = Counter()
    visits = crowd.list_visits()
    wanted = [(one, "") for one in visits if FILE.search(one.rule)]
    wanted += [(one, "format=pdf") for one in visits if one.endpoint in ON_PAPER]
    wanted += [(one, "format=xlsx") for one in visits if one.endpoint == "staff.export_customer"]
    for visit, query in wanted:
        answer = fetch(crowd, visit, query)
        kinds[answer.mimetype or ""] += 1
        # Nothing can be drafted by terms that are no terms.
        fine = (200, 303) if visit.endpoint == "staff.statement_draft" else (200,)
        found = check_file(answer) if answer.status_code == 200 else [str(answer.status_code)]
        if answer.status_code in fine and answer.status_code != 200:
            continue
        told += [f"{visit.rule} as {visit.person.role} ({visit.path}): {one}" for one in found]
    assert told == [], "\n".join(["", *told[:40]])
    assert kinds["text/csv"] > 30
    assert kinds["application/pdf"] > 5
    assert {XLSX, "text/calendar"} <= set(kinds)


def test_no_answer_of_the_api_is_taken_for_a_page(crowd: Crowd) -> None:
    token = next(one for one in crowd.world.people if one.role == "administrator" and one.token)
    client = crowd.app.test_client(use_cookies=False)
    kinds: Counter[str] = Counter()
    for visit in crowd.list_visits(api=token):
        answer = client.get(visit.path, headers={"Authorization": f"Bearer {token.token}"})
        answer.get_data()
        answer.close()
        kinds[answer.mimetype or ""] += 1
        assert answer.status_code in (200, 404), (visit.path, answer.status_code)
        assert answer.mimetype != "text/html", visit.path
        assert check_file(answer) == [], visit.path
    assert kinds["application/json"] > 60


def test_control_what_a_file_may_not_hold_is_told(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = [one for one in crowd.list_visits() if one.endpoint.startswith("staff.export_")]
    monkeypatch.setattr("dcim.records.sheets.guard", lambda text: text)
    told = [one for visit in exports for one in check_file(fetch(crowd, visit))]
    for sign in ("=", "+", "-", "@", "\\t"):
        assert any(one.startswith((f"formula '{sign}", f'formula "{sign}')) for one in told), sign
