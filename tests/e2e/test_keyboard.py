"""The NOC's main jobs without a mouse, and the focus outlives what refreshes itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.alarms.models import Alarm, AlarmRule
from dcim.columns import utc_now
from dcim.db import transaction
from dcim.network.models import Port
from tests.e2e.house import House, Walker, serve_house, walk_through
from tests.e2e.test_components import browser
from tests.integration.matrix.world import make
from tests.integration.web.boards import House as Boards

__all__ = ["browser"]

pytestmark = pytest.mark.e2e
SYSTEM = Scope.system("e2e")
MOST_TABS = 60

# What is seen of the focus: an outline, a shadow or another border than without it.
SEEN = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    return outlined || style.boxShadow !== 'none';
}"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serve_house(tmp_path_factory, "keyboard") as made:
        # The boards commit what they make by themselves.
        with made.sessions() as session:
            session.use_scope(SYSTEM)
            Boards(session).add_tenant("A", 3)
            session.commit()
        with transaction(made.sessions, SYSTEM) as session:
            port = session.scalars(select(Port).order_by(Port.id).limit(1)).one()
            rule = make(
                session, AlarmRule, "A", kind="state", quantity="port_down", way="above",
                raise_at=1, clear_at=0, severity="major", subject_class="",
            )  # fmt: skip
            now = utc_now()
            make(
                session, Alarm, "A", rule_id=rule.id, subject_kind="port", subject_id=port.id,
                site_id=None, severity="major", began_at=now, raised_at=now, seen_at=now, ending="",
                value=1, limit=1, acknowledged_by="", silenced_by=None, snoozed_until=None,
            )  # fmt: skip
        yield made


@pytest.fixture
def walker(browser: Browser, house: House) -> Iterator[Walker]:
    with walk_through(browser, house) as one:
        yield one


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until this has the focus, which every stop on the way shows."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement !== document.body"), "the focus is lost"
        assert page.evaluate(SEEN), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("one => document.activeElement.matches(one)", wanted):
            return
    raise AssertionError(f"{wanted} isn't reached by {MOST_TABS} tabs on {page.url}")


def press(page: Page, key: str = "Enter") -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def test_the_board_is_sorted_filtered_and_left_for_a_port(walker: Walker) -> None:
    page = walker.page
    walker.go("/noc/")
    tab_to(page, "a.skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    tab_to(page, "#q")
    page.keyboard.type("svc1")
    press(page)
    assert "q=svc1" in page.url
    expect(page.locator("#port-board tbody tr")).to_have_count(1)
    page.locator("#content").focus()
    tab_to(page, "#state")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#state")).to_have_value("down")
    walker.go("/noc/")
    page.locator("#content").focus()
    tab_to(page, "#port-board th[scope=col] a[href*='sort=in']")
    press(page)
    expect(page.locator("th[aria-sort]")).to_have_count(1)
    page.locator("#content").focus()
    tab_to(page, "#port-board tbody th a[href^='/noc/ports/']")
    press(page)
    page.wait_for_url("**/noc/ports/*")
    page.locator("#content").focus()
    tab_to(page, ".segments a[href*='window=7d']")
    press(page)
    assert "window=7d" in page.url
    expect(page.locator(".segments a[aria-current]").first).to_be_visible()
    walker.look()


def test_an_alarm_is_acknowledged(walker: Walker) -> None:
    page = walker.page
    walker.go("/noc/alarms")
    page.locator("#content").focus()
    tab_to(page, "main a[href^='/noc/alarms/']:not([href*='acknowledge'])")
    press(page)
    page.locator("#content").focus()
    tab_to(page, "a[href$='/acknowledge']")
    press(page)
    page.locator("#content").focus()
    tab_to(page, "main form input:not([type=hidden]), main form textarea")
    page.keyboard.type("I look after it")
    tab_to(page, "main form button[type=submit]")
    press(page)
    expect(page.locator("main")).to_contain_text("I look after it")
    walker.look()


def test_a_menu_is_left_by_escape_and_gives_the_focus_back(walker: Walker) -> None:
    page = walker.page
    walker.go("/noc/")
    page.locator("#content").focus()
    tab_to(page, ".kept-boards details.menu summary")
    page.keyboard.press("Enter")
    tab_to(page, ".kept-boards input[name=name]")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('.kept-boards summary')")
    expect(page.locator(".kept-boards details[open]")).to_have_count(0)


def refresh(walker: Walker, house: House, name: str, swap: str) -> tuple[list[object], ...]:
    """The focus and the place before and after the board has changed, swapped in so."""
    page = walker.page
    page.set_viewport_size({"width": 700, "height": 300})
    page.clock.install()
    walker.go("/noc/")
    page.locator("#port-board tbody th a[href^='/noc/ports/']").last.focus()
    page.evaluate("scrollBy(0, 120)")
    where = "[document.activeElement.getAttribute('href'), scrollY]"
    before: list[object] = page.evaluate(where)
    # Something else is to be told: the answer is another part, not a 304.
    with transaction(house.sessions, SYSTEM) as session:
        session.scalars(select(Port).order_by(Port.id).limit(1)).one().name = name
    page.evaluate(
        "swap => { const board = document.getElementById('port-board');"
        " board.removeAttribute('hx-headers'); board.setAttribute('hx-swap', swap); }",
        swap,
    )
    with page.expect_response(lambda one: "/noc/" in one.url) as coming:
        page.clock.fast_forward(10_000)
    assert coming.value.status == 200
    page.wait_for_function("document.querySelector('#port-board').hasAttribute('hx-headers')")
    return before, page.evaluate(where)


def test_a_refresh_keeps_the_focus_and_the_place(walker: Walker, house: House) -> None:
    before, after = refresh(walker, house, "renamed", "outerMorph")
    assert str(before[0]).startswith("/noc/ports/")
    assert before[1]
    assert after == before


def test_control_a_plain_swap_loses_the_focus(walker: Walker, house: House) -> None:
    before, after = refresh(walker, house, "again", "outerHTML")
    assert before[0]
    assert after[0] is None
