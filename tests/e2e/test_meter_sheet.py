"""Reading meters on a phone: one number at a time, nothing lost when refused or offline."""

import struct
import zlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, expect
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.db import transaction
from dcim.meters.models import Meter, MeterReading
from tests.e2e.house import House, serve_house, walk_through
from tests.e2e.test_components import browser  # noqa: F401 - the fixture
from tests.integration.meters.house import build_house, local

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SCOPE = Scope.system("e2e")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serve_house(tmp_path_factory, "meters") as house:
        with transaction(house.sessions, SCOPE) as session:
            built = build_house(session)
            for number, node in enumerate(built.pdus[0]):
                meter = built.hang(f"SN-{number}", power_node_id=node.id, position=number)
                built.confirm(meter, "1000", local("2026-09-01", "09:00"))
        yield house


def picture() -> FilePayload:
    """A PNG of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return {
        "name": "meter.png",
        "mimeType": "image/png",
        "buffer": content + chunk(b"IEND", b""),
    }


def test_numbers_are_saved_one_at_a_time_and_none_is_lost(
    browser: Browser,  # noqa: F811
    house: House,
) -> None:
    with transaction(house.sessions, SCOPE) as session:
        room = session.scalars(select(Meter.room_id).distinct()).one()
        first, second = session.scalars(select(Meter.id).order_by(Meter.position)).all()
    with walk_through(browser, house, width=390, height=844) as walker:
        page = walker.page
        walker.go(f"/staff/meter-walks/{room}")
        one, other = (page.locator(f"#meter-{meter}") for meter in (first, second))
        other.locator("[name=value]").fill("1050.5")
        one.locator("[name=value]").fill("10")
        one.locator("[type=file]").set_input_files(files=[picture()])

        # Refused: the number and the photo stay, and so does the other line.
        one.get_by_role("button", name="保存").click()
        one.locator(".notice").wait_for()
        expect(one.locator("[name=value]")).to_have_value("10")
        assert one.locator("[type=file]").evaluate("field => field.files.length") == 1

        # Without a connection nothing is sent; after it the page has the numbers again.
        one.locator("[name=value]").fill("1100.5")
        page.context.set_offline(True)
        one.get_by_role("button", name="保存").click()
        one.locator(".meter-offline").wait_for()
        page.context.set_offline(False)
        walker.complaints.clear()
        walker.go(f"/staff/meter-walks/{room}")
        expect(one.locator("[name=value]")).to_have_value("1100.5")
        expect(other.locator("[name=value]")).to_have_value("1050.5")

        one.locator("[type=file]").set_input_files(files=[picture()])
        one.get_by_role("button", name="保存").click()
        page.locator(f"#meter-{first}.is-checked").wait_for()
        expect(page.locator(".walk-count")).to_have_text("1")
        expect(one.locator("[name=value]")).to_have_value("")
        expect(other.locator("[name=value]")).to_have_value("1050.5")
        walker.look()
        # What is saved isn't offered again.
        walker.go(f"/staff/meter-walks/{room}")
        expect(one.locator("[name=value]")).to_have_value("")
        expect(other.locator("[name=value]")).to_have_value("1050.5")
    with transaction(house.sessions, SCOPE) as session:
        reading = session.scalars(select(MeterReading).where(MeterReading.state == "entered")).one()
        assert (reading.meter_id, reading.value) == (first, 11_005)
        assert reading.photo_sha256 is not None
