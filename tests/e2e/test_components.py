"""The components in a real browser: no violation, no error, and what the scripts promise."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, render_template, request
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.listening import listening
from tests.unit.web.conftest import bare_app, sample_page

pytestmark = pytest.mark.e2e

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def styled_app() -> Flask:
    app = bare_app()
    app.jinja_env.globals["csrf_token"] = lambda: "token-of-this-page"
    app.extensions["seen"] = []

    @app.get("/")
    def guide() -> str:
        return render_template(
            "styleguide.html", **sample_page(), theme=request.cookies.get("theme")
        )

    @app.get("/broken")
    def broken() -> str:
        return render_template("styleguide.html", **sample_page()) + '<p style="color: red">x</p>'

    @app.get("/refreshing")
    def refreshing() -> str:
        source = (
            '{% extends "base.html" %}{% block content %}'
            '<div id="live" data-refreshes hx-get="/tick" hx-trigger="every 100ms"><input></div>'
            '<button id="send" hx-post="/send" hx-target="#out">Send</button><p id="out"></p>'
            "{% endblock %}"
        )
        return app.jinja_env.from_string(source).render(**sample_page())

    @app.get("/tick")
    def tick() -> str:
        app.extensions["seen"].append("tick")
        return "<input>"

    @app.post("/send")
    def send() -> tuple[str, int]:
        return f'<b id="answer">{request.headers.get("X-CSRFToken")}</b>', 422

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status=204)

    return app


@pytest.fixture(scope="module")
def app() -> Flask:
    return styled_app()


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    with listening(app) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    path = next((name for name in found if name), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


def watch(page: Page) -> list[str]:
    """Everything the browser complains of, as it comes."""
    complaints: list[str] = []
    page.on(
        "console",
        lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def open_page(browser: Browser, url: str, **options: Any) -> tuple[BrowserContext, Page, list[str]]:
    context = browser.new_context(**options)
    page = context.new_page()
    complaints = watch(page)
    page.goto(url)
    page.wait_for_selector(".chart canvas", state="attached")
    return context, page, complaints


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_refused_and_nothing_sticks_out(
    browser: Browser, address: str, width: int, scheme: Any
) -> None:
    size: Any = {"width": width, "height": 900}
    context, page, complaints = open_page(browser, address, viewport=size, color_scheme=scheme)
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()
    assert complaints == []
    assert over <= 0
    assert background == ("rgb(245, 246, 248)" if scheme == "light" else "rgb(14, 18, 23)")


def test_a_planted_inline_style_is_refused(browser: Browser, address: str) -> None:
    """The control of the test above: the watch does hear a violation."""
    context, _, complaints = open_page(browser, f"{address}/broken")
    context.close()
    assert any("style-src" in text for text in complaints)


def test_targets_on_a_phone_are_large_enough(browser: Browser, address: str) -> None:
    context, page, _ = open_page(browser, address, viewport={"width": 390, "height": 844})
    small = page.evaluate(
        """() => [...document.querySelectorAll(
             '.btn, .tool, .nav-main a, .form-control, .form-select, .segments a, .search input')]
           .filter(e => e.offsetParent && !e.closest('dialog'))
           .map(e => [e.className, e.getBoundingClientRect().height])
           .filter(([, height]) => height < 43.5)"""
    )
    context.close()
    assert small == []


def test_the_theme_is_remembered_by_the_server(browser: Browser, address: str) -> None:
    context, page, _ = open_page(browser, address, color_scheme="light")
    page.click("[data-theme-switch]")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert '<html lang="en" data-bs-theme="dark">' in page.request.get(address).text()
    context.close()


def test_the_cabinet_is_walked_by_keyboard(browser: Browser, address: str) -> None:
    context, page, _ = open_page(browser, address)
    page.focus(".elev-stage")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    label = re.compile(r"U40.*pay-db-01")
    expect(page.locator(".elev-stage").first).to_have_attribute("aria-label", label)
    page.keyboard.press("Enter")
    page.wait_for_url("**#pay-db-01")
    page.focus(".elev-stage")
    page.keyboard.press("n")
    page.wait_for_url("**install=40")
    context.close()


def test_slash_searches_and_the_dialog_asks(browser: Browser, address: str) -> None:
    context, page, _ = open_page(browser, address)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('[data-search]')")
    page.keyboard.type("a/b")
    expect(page.locator("[data-search]")).to_have_value("a/b")
    page.click("[data-opens=release]")
    expect(page.locator("dialog#release")).to_be_visible()
    expect(page.locator("dialog#release [data-closes]:focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog#release")).to_be_hidden()
    context.close()


def test_an_unsafe_htmx_request_carries_the_token(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/refreshing")
    page.click("#send")
    page.wait_for_selector("#answer")  # the answer is a 422, and it is swapped in
    expect(page.locator("#answer")).to_have_text("token-of-this-page")
    page.close()


def test_refreshing_rests_while_somebody_edits(browser: Browser, address: str, app: Flask) -> None:
    seen: list[str] = app.extensions["seen"]
    page = browser.new_page()
    page.goto(f"{address}/refreshing")
    with page.expect_response("**/tick"):
        pass
    # What was under way at the first focus may still be swapped in, and takes the focus away.
    for _ in range(20):
        page.focus("#live input")
        before = len(seen)
        page.wait_for_timeout(300)
        if len(seen) == before and page.evaluate("document.activeElement.tagName") == "INPUT":
            break
    page.wait_for_timeout(500)
    assert len(seen) == before
    with page.expect_response("**/tick"):
        page.evaluate("document.activeElement.blur()")
    page.close()
