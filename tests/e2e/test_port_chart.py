"""A port's chart and the board in a real browser: drawn, saved as a picture, without complaint."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.metering.models import Series
from dcim.sla.usage_rounds import measure_usage, plan_usage
from tests.e2e.house import House, serve_house, walk_through
from tests.e2e.test_components import browser  # noqa: F401 - the fixture
from tests.integration.web.boards import House as Boards
from tests.integration.web.test_month_estimate import ALONE, agree

pytestmark = pytest.mark.e2e
SYSTEM = Scope.system("e2e")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serve_house(tmp_path_factory, "port_chart") as made:
        yield made


@pytest.fixture(scope="module")
def port_id(house: House) -> int:
    """A port with four days of five-minute samples, one of them far above the others."""
    with house.sessions() as session:
        session.use_scope(SYSTEM)
        boards = Boards(session)
        tenant = boards.add_tenant("A", 2)
        agree(session, tenant, ALONE)
        [port, _other] = tenant.ports
        series = session.scalars(
            select(Series.id).where(Series.port_id == port, Series.family == "traffic")
        ).one()
        newest = round((boards.now - dt.timedelta(minutes=20)).timestamp() * 1000)
        rates = [900 if n == 400 else 20 + n % 7 for n in range(4 * 288)]
        boards.store.append(
            session,
            "traffic",
            [
                (series, newest - 300_000 * n, 300_000, 0, 10**7, rate * 37_500_000, 0, 0)
                for n, rate in enumerate(rates)
            ],
        )
        session.commit()
        shards = plan_usage(session)
        for shard in shards:
            measure_usage(house.sessions, shard, boards.now)
    return port


@pytest.mark.parametrize("width", [1440, 390])
def test_the_chart_draws(
    browser: Browser,  # noqa: F811
    house: House,
    port_id: int,
    width: int,
    tmp_path: Path,
) -> None:
    with walk_through(browser, house, width=width) as walker:
        # On a month's first day there is nothing of it yet that reaches the percentile.
        begun = dt.datetime.now(ZoneInfo("Asia/Shanghai")).day > 1
        month = "month" if begun else "last-month"
        for query in ("window=7d", "window=36m", f"window={month}&way=mirror&compare=1"):
            walker.go(f"/noc/ports/{port_id}?{query}")
            # Something in the accent's colour is on it: the percentile and what is above it.
            walker.page.wait_for_function(
                "() => { const one = document.querySelector('#traffic-chart canvas');"
                " if (!one) return false;"
                " const d = one.getContext('2d').getImageData(0, 0, one.width, one.height).data;"
                " let n = 0; for (let i = 0; i < d.length; i += 4)"
                " if (d[i + 3] && d[i + 2] > d[i] + 60) n++; return n > 50; }"
            )
            walker.look()
        with walker.page.expect_download() as coming:
            walker.page.locator("[data-picture]").click()
        saved = tmp_path / "chart.png"
        coming.value.save_as(saved)
        assert coming.value.suggested_filename.endswith(".png")
        assert saved.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        walker.look()


def test_the_board_keeps_quiet_while_nothing_changes_and_cries_when_the_server_is_silent(
    browser: Browser,  # noqa: F811
    house: House,
    port_id: int,
) -> None:
    with walk_through(browser, house) as walker:
        walker.go("/noc/?sort=-in")
        page = walker.page
        banner = page.locator(".stale-banner")
        expect(banner).to_have_count(1)
        expect(banner).to_be_hidden()
        with page.expect_response(lambda one: "/noc/" in one.url) as coming:
            pass
        assert coming.value.status in (200, 304)
        # As if no sample had come for an hour, the server saying nothing.
        page.evaluate(
            "document.querySelector('.stale-banner').dataset.asOf ="
            " new Date(Date.now() - 3600000).toISOString()"
        )
        banner.wait_for(state="visible")


def test_a_board_on_a_wall_fits_it(
    browser: Browser,  # noqa: F811
    house: House,
    port_id: int,
) -> None:
    with walk_through(browser, house, width=1920, height=1080) as walker:
        walker.go("/noc/?wall=1")
        expect(walker.page.locator("header.top")).to_be_hidden()
        sizes = walker.page.locator("main").evaluate(
            "main => [...main.querySelectorAll('td, th')]"
            ".map(one => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(sizes) >= 14


def test_a_wall_goes_from_board_to_board_and_waits_for_a_server_that_is_away(
    browser: Browser,  # noqa: F811
    house: House,
    port_id: int,
) -> None:
    with walk_through(browser, house, width=1920, height=1080) as walker:
        page = walker.page
        # The browser's clock is the test's: nobody waits for the minutes of a wall.
        page.clock.install()
        page.route("**/walls/next?tour=*", lambda route: route.abort())
        walker.go("/noc/walls/next?show=wall&show=overview&stay=300")
        tour = page.locator("body").get_attribute("data-tour")
        assert tour == "/noc/walls/next?tour=300-wall-overview"
        here = page.url
        with page.expect_request("**/walls/next?tour=*") as coming:
            page.clock.fast_forward(301_000)
        assert coming.value.method == "HEAD"
        with page.expect_request("**/walls/next?tour=*"):
            page.clock.fast_forward(5_100)
        assert page.url == here
        page.unroute("**/walls/next?tour=*")
        with page.expect_navigation(url="**/noc/*tour=300-wall-overview"):
            page.clock.fast_forward(5_100)
        expect(page.locator("body")).to_have_attribute("data-tour", tour)
