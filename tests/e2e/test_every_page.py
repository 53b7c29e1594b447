"""Every page there is, opened once, in a world whose every text is hostile.

Nothing of it runs, is fetched or becomes markup; the content policy has nothing to report; and axe
finds nothing serious in the dark or in the light. Routes are taken from the application: a new one
is opened without being named here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from flask import Response
from markupsafe import Markup
from playwright.sync_api import Browser, BrowserContext, Error, Page

from tests.e2e.axe import examine, serve_axe
from tests.e2e.crowd import Crowd, Visit, serve_crowd
from tests.e2e.hostile_devices import let_in
from tests.e2e.hostile_texts import PRODUCT, SEARCH, TEXTS, TRIPWIRE, make_filler
from tests.e2e.test_components import browser
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


@dataclass
class Walk:
    """What was seen on the way; `told` by page, `files` what came as a download."""

    opened: dict[str, str] = field(default_factory=dict)  # rule: the words on its page
    told: list[str] = field(default_factory=list)
    barriers: list[str] = field(default_factory=list)
    files: list[Visit] = field(default_factory=list)


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
        self.page.on("dialog", lambda one: (self.heard.append("dialog"), one.dismiss())[1])
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

    def _note_request(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        outside = not url.startswith((self.crowd.address, "data:image/"))
        if outside or url.removeprefix(self.crowd.address).startswith(("/pwned", "/x")):
            self.heard.append(f"asked {url[:120]}")

    def open(self, visit: Visit) -> int | None:
        """The answer's status; None for a download."""
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
        return answer.status if answer else 0

    def search(self) -> list[str]:
        """What this page has or did that it shouldn't."""
        told = [one for one in self.page.evaluate(SEARCH) if not OWN_STYLE.match(one)]
        return told + self.heard


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with serve_crowd(tmp_path_factory, "every_page", make_filler(), "ABC") as made:
        let_in(made)
        serve_axe(made.app)
        yield made


@pytest.fixture(scope="module")
def walk(browser: Browser, crowd: Crowd) -> Iterator[Walk]:
    made = Walk()
    walker = Walker(browser, crowd)
    for visit in crowd.list_visits():
        if FILE.search(visit.rule):
            made.files.append(visit)
            continue
        is_repeated = visit.endpoint in REPEATED
        if is_repeated and not SHOWING.match(visit.endpoint):
            continue
        where = f"{visit.rule} as {visit.person.role} ({visit.path})"
        status = walker.open(visit)
        if status is None:
            made.files.append(visit)
            continue
        if status != 200:
            made.told.append(f"{where}: answered {status}")
        words = walker.page.content()
        if PRODUCT in words:
            made.told.append(f"{where}: reckoned a template of the text")
        made.opened[visit.rule] = words
        made.told += [f"{where}: {one}" for one in walker.search()]
        # Pages made from kinds by the same functions have the same looks: sites stand for all.
        if not is_repeated and not NO_PAGE.search(visit.rule):
            made.barriers += [f"{where}: {one}" for one in examine(walker.page)]
    walker.context.close()
    yield made


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
