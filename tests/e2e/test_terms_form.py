"""The form of terms in a browser: told at the field while it is written, by keys, on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from dcim.customers.models import Contract
from dcim.db import transaction
from tests.e2e.house import House, serve_house, walk_through
from tests.e2e.test_components import browser  # noqa: F401 - the fixture
from tests.integration.web.staff_house import SCOPE, build_staff_house

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TIERS = "metrics.power.credit.tiers"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serve_house(tmp_path_factory, "terms_form") as house:
        build_staff_house(house.sessions, 1)
        yield house


@pytest.fixture(scope="module")
def path(house: House) -> str:
    with transaction(house.sessions, SCOPE) as session:
        contract = session.scalars(select(Contract)).first()
        assert contract is not None
        return f"/staff/contracts/{contract.id}/terms?from=standard"


def field(page: Page, place: str) -> Locator:
    return page.locator(f'[data-place="{place}"]')


def test_what_is_wrong_is_told_at_the_field_and_goes(
    browser: Browser,  # noqa: F811
    house: House,
    path: str,
) -> None:
    with walk_through(browser, house) as walker:
        walker.go(path)
        page = walker.page
        amount = page.locator("#f-metrics-power-credit-tiers-1-3-1")
        amount.fill("abc")
        told = field(page, TIERS).locator("[data-error]")
        expect(told).to_contain_text("不是以数字开头")
        # The problem's button leads to the field.
        page.locator("#trial [data-of]").click()
        expect(field(page, TIERS).locator("select, input").first).to_be_focused()
        amount.fill("３")
        expect(told).to_be_hidden()
        expect(page.locator("[data-source]")).to_contain_text("up_to: 5 min, credit: 3 %")
        walker.look()


def test_rows_promises_and_forms_of_credit_by_keys(
    browser: Browser,  # noqa: F811
    house: House,
    path: str,
) -> None:
    with walk_through(browser, house) as walker:
        walker.go(path)
        page = walker.page
        rows = field(page, TIERS).locator("tbody tr")
        expect(rows).to_have_count(6)
        add = field(page, TIERS).get_by_role("button", name="加一行")
        add.focus()
        page.keyboard.press("Enter")
        expect(rows).to_have_count(7)
        # Where the new row is written next.
        expect(page.locator("#f-metrics-power-credit-tiers-7-1-1")).to_be_focused()
        page.keyboard.type("48")
        field(page, TIERS).get_by_role("button", name="删去第 7 行").focus()
        page.keyboard.press("Enter")
        expect(rows).to_have_count(6)
        form = page.locator("#f-metrics-power-credit-form")
        form.focus()
        form.select_option("flat")
        expect(field(page, "metrics.power.credit.give")).to_be_visible()
        expect(field(page, TIERS)).to_have_count(0)
        expect(form).to_be_focused()
        # Enter in an input attaches nothing.
        with page.expect_navigation():
            page.locator("#f-metrics-power-clause").press("Enter")
        expect(page).to_have_url(house.address + path.partition("?")[0])
        expect(page.locator("#f-metrics-power-credit-form")).to_have_value("flat")
        page.get_by_role("button", name="电费（按度）").click()
        expect(page.get_by_role("heading", name="用量 电度电费")).to_be_visible()
        walker.look()


def test_the_form_fits_a_phone_and_works_without_a_script(
    browser: Browser,  # noqa: F811
    house: House,
    path: str,
) -> None:
    with walk_through(browser, house, width=390, height=844, touch=True) as walker:
        walker.go(path)
        low = walker.page.evaluate(
            """() => [...document.querySelectorAll("#terms-sheet input, #terms-sheet select")]
            .filter(one => one.offsetParent && one.getBoundingClientRect().height < 44).length"""
        )
        assert low == 0
    context = browser.new_context(base_url=house.address, locale="zh-CN", java_script_enabled=False)
    context.add_cookies([{"name": "jifang", "value": house.cookie, "url": house.address}])
    page = context.new_page()
    page.goto(path)
    field(page, TIERS).get_by_role("button", name="加一行").click()
    expect(field(page, TIERS).locator("tbody tr")).to_have_count(7)
    page.locator("#f-metrics-power-credit-form").select_option("flat")
    field(page, "metrics.power.credit.form").get_by_role("button", name="显示").click()
    expect(field(page, "metrics.power.credit.give")).to_have_count(1)
    page.get_by_role("button", name="文本", exact=True).click()
    expect(page.locator("textarea[name=document]")).to_be_visible()
    context.close()
