"""A cabinet's drawing under a hand: devices dragged and moved by keys; an audit walk on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.db import transaction
from dcim.inventory.devices.kinds import DEVICE_TYPE
from dcim.inventory.models import Cabinet, Device, Installation, Rack
from dcim.inventory.space.kinds import CABINET, ROOM, ROW, SITE
from dcim.inventory.space.placement import install_device
from dcim.inventory.walks.models import CabinetWalk, WalkFinding
from dcim.network.equipping import DEVICE
from dcim.records.writing import create_record
from tests.e2e.house import House, Walker, serve_house, walk_through
from tests.e2e.test_components import browser  # noqa: F401 - the fixture

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SCOPE = Scope.system("e2e")
# Name and lowest U of what stands in the cabinet, each 2U high.
STANDING = {"low": 1, "mid": 11, "top": 41}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serve_house(tmp_path_factory, "drawing") as house:
        with transaction(house.sessions, SCOPE) as session:
            site = create_record(session, SCOPE, SITE, {"code": "SH9", "name": "九号"})
            room = create_record(
                session, SCOPE, ROOM, {"site_id": site.id, "code": "R1", "name": "一号"}
            )
            row = create_record(session, SCOPE, ROW, {"room_id": room.id, "code": "A"})
            create_record(session, SCOPE, CABINET, {"row_id": row.id, "code": "A01"})
            kind = create_record(
                session, SCOPE, DEVICE_TYPE,
                {"manufacturer": "Maker", "model": "Two high", "height": 4, "weight_g": 20_000},
            )  # fmt: skip
            rack_id = session.scalars(select(Rack.id)).one()
            for name, u in STANDING.items():
                made = create_record(
                    session, SCOPE, DEVICE,
                    {
                        "name": name, "device_type_id": kind.id, "role": "server",
                        "serial": f"SN-{name}",
                    },
                )  # fmt: skip
                device = session.get_one(Device, made.id)
                install_device(session, SCOPE, device, rack_id, u_low=2 * (u - 1))
        yield house


@pytest.fixture
def walker(browser: Browser, house: House) -> Iterator[Walker]:  # noqa: F811
    # High enough for the whole cabinet.
    with walk_through(browser, house, height=1500) as walker:
        walker.go(f"/staff/cabinets/{cabinet_id(house)}")
        yield walker


def cabinet_id(house: House) -> int:
    with transaction(house.sessions, SCOPE) as session:
        return session.scalars(select(Cabinet.id)).one()


def lowest_u(house: House, name: str) -> int:
    with transaction(house.sessions, SCOPE) as session:
        low = session.scalars(
            select(Installation.u_low)
            .join(Device, Device.id == Installation.device_id)
            .where(Device.name == name)
        ).one()
        assert low is not None
        return low // 2 + 1


def box_of(walker: Walker, name: str) -> Locator:
    return walker.page.locator(f'.elev-stage[data-face=front] [data-name="{name}"]')


def drag(walker: Walker, name: str, units: int) -> None:
    """Pull a device by its middle, up by so many U, and wait for the verdict."""
    found = box_of(walker, name)
    box, height = found.bounding_box(), found.get_attribute("data-height")
    assert box is not None
    assert height is not None
    x, y, unit = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, float(height) / 2
    mouse = walker.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x, y - unit, steps=3)
    mouse.move(x, y - units * unit, steps=8)


def test_a_device_is_dragged_where_it_fits(walker: Walker, house: House) -> None:
    page = walker.page
    drag(walker, "low", 20)
    page.wait_for_selector(".elev-stage.is-fitting")
    walker.picture("drag-fits")
    page.mouse.up()
    dialog = page.locator("#place-dialog[open]")
    expect(dialog).to_contain_text("low")
    assert lowest_u(house, "low") == 1, "nothing counts before it is confirmed"
    with page.expect_navigation():
        dialog.get_by_role("button", name="移位").click()
    walker.look()
    assert lowest_u(house, "low") == 21


def test_what_is_in_the_way_refuses_and_nothing_moves(walker: Walker, house: House) -> None:
    page = walker.page
    drag(walker, "mid", 29)
    page.wait_for_selector(".elev-stage.is-refused")
    expect(page.locator(".elev-said"), "it says who stands there").to_contain_text("top")
    walker.picture("drag-refused")
    page.mouse.up()
    expect(page.locator("#place-dialog[open]")).to_have_count(0)
    assert lowest_u(house, "mid") == STANDING["mid"]


def test_keys_move_it_and_escape_leaves_it(walker: Walker, house: House) -> None:
    page = walker.page
    stage = page.locator(".elev-stage[data-face=front]")
    stage.focus()
    # The cursor begins at the top and says where it is.
    for _ in range(60):
        page.keyboard.press("ArrowDown")
        if "top" in (stage.get_attribute("aria-label") or ""):
            break
    else:
        raise AssertionError(stage.get_attribute("aria-label"))
    for key in ("m", "ArrowDown", "ArrowDown", "Escape"):
        page.keyboard.press(key)
    expect(page.locator(".is-placing")).to_have_count(0)
    for key in ("m", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_selector(".elev-stage.is-fitting")
    page.keyboard.press("Enter")
    with page.expect_navigation():
        page.locator("#place-dialog[open]").get_by_role("button", name="移位").click()
    assert lowest_u(house, "top") == STANDING["top"] - 2


def test_an_audit_walk_on_a_phone(browser: Browser, house: House) -> None:  # noqa: F811
    before = lowest_u(house, "low")
    with walk_through(browser, house, width=390, height=844, touch=True) as walker:
        page = walker.page
        walker.go(f"/staff/cabinets/{cabinet_id(house)}/audit")
        walker.follow("开始盘点")
        lines = page.locator(".walk-line")
        expect(lines).to_have_count(len(STANDING))
        for name in ("top", "mid"):
            line = page.locator(".walk-line", has_text=f"SN-{name}")
            line.locator(".walk-yes").tap()
            page.locator(".walk-line.is-checked", has_text=f"SN-{name}").wait_for()
        wrong = page.locator(".walk-line", has_text="SN-low")
        wrong.locator(".walk-no").tap()
        wrong.locator("input[name=found]").fill("SN-OTHER")
        wrong.get_by_role("button", name="是别的设备").tap()
        page.locator(".walk-line.is-differing", has_text="SN-OTHER").wait_for()
        walker.look()
        walker.picture("walk-phone", full=True)
        walker.follow("复核并签认")
        walker.sees("SN-OTHER")
        walker.follow("签认盘点")
        walker.look()
    with transaction(house.sessions, SCOPE) as session:
        walk = session.scalars(select(CabinetWalk)).one()
        assert walk.finished_at is not None
        assert walk.finished_by == "new@example.org"
        verdicts = sorted(session.scalars(select(WalkFinding.verdict)))
        assert verdicts == ["as_recorded", "as_recorded", "other"]
    assert lowest_u(house, "low") == before, "a walk changes nothing in the inventory"
