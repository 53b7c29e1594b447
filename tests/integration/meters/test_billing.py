"""From readings to money: what is confirmed is billed, frozen, and computed again from the file."""

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import func, select

import dcim.statements
from dcim.config import Settings
from dcim.customers.models import ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Cabinet, Device, DeviceType, Room, Row
from dcim.metering.models import Series
from dcim.meters.entering import Photo, decide_reading
from dcim.meters.models import Meter, MeterReading
from dcim.sla.observations import gather_inputs
from dcim.statements.attachments import attachments_of
from dcim.statements.composition import compose, read_inputs
from dcim.statements.files import read_file, unpack_inputs
from dcim.statements.inputs import InputsRefusedError
from dcim.statements.issuing import (
    describe_document,
    describe_operator,
    freeze_statement,
    issue_statement,
)
from dcim.statements.models import Statement
from dcim.statements.verifying import verify_file
from tests.integration.meters.house import JPEG, SECOND, TERMS, House, build_house, local
from tests.integration.meters.test_entering import count_statements
from tests.integration.statements.town import SYSTEM

PERIOD = "2026-10"
SCHEMA = Path(dcim.statements.__path__[0]) / "statement.schema.json"
START, END = local("2026-10-01"), local("2026-11-01")


class Books:
    """The house's first contract and its October."""

    def __init__(self, house: House, settings: Settings) -> None:
        self.house, self.settings, self.session = house, settings, house.session
        self.contract = house.contracts[0]

    def gather(self, terms: str | None = None) -> dict[str, Any]:
        number = f"SLA-{PERIOD}-{self.contract.number}"
        return gather_inputs(
            self.session, SYSTEM, self.contract, PERIOD,
            document=describe_document(self.settings, self.contract, PERIOD, number),
            operator=describe_operator(self.settings), terms=terms,
        )  # fmt: skip

    def bill(self, terms: str | None = None) -> dict[str, Any]:
        """The statement's line of power; the document keeps to its schema, and what is attached
        gives it again."""
        statement = compose(self.gather(terms))
        jsonschema.validate(statement.data, json.loads(SCHEMA.read_text("utf-8")))
        assert compose(read_inputs(statement.attachments)).data == statement.data
        (line,) = statement.data["usage"]
        line["warnings"] = statement.data["warnings"]
        line["total"] = statement.data["totals"]["usage"]
        line["verdict"] = statement.data["verdict"]["result"]
        return dict(line)


@pytest.fixture
def books(house: House, settings: Settings) -> Books:
    return Books(house, settings)


def said(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False)


def test_readings_at_the_ends_are_billed_as_they_are(books: Books, house: House) -> None:
    meter = house.hang(multiplier=40)
    house.confirm(meter, "100.0", START, photo=Photo("IMG.jpg", JPEG))
    house.confirm(meter, "112.5", END)
    line = books.bill()
    assert (line["amount"], line["total"], line["estimated"]) == ("500.00", "500.00", False)
    (priced,) = line["lines"]
    assert (priced["quantity"], priced["unit"], priced["unit_price"]) == ("500", "kWh", "1.00")
    assert priced["text"] == {"zh": "电量电费", "en": "Energy"}
    (shown,) = line["meters"]
    assert (shown["meter"], shown["energy_kwh"], shown["multiplier"]) == ("SN-1", "500", 40)
    (first,) = shown["start"]["readings"]
    photo = books.session.scalars(
        select(MeterReading.photo_sha256).where(MeterReading.photo_sha256.is_not(None))
    ).one()
    assert first == {
        "at": "2026-09-30T16:00:00Z", "register": "100.0", "estimate": None,
        "read_by": "reader@example.com", "confirmed_by": "second@example.com",
        "photo_sha256": photo,
    }  # fmt: skip
    assert "(112.5 − 100.0) × 40" in said(line)


def test_between_readings_it_is_spread_evenly_and_marked(books: Books, house: House) -> None:
    """12 h before and after each end; 24 kWh a day, 12 of them on each side."""
    meter = house.hang()
    house.confirm(meter, "100", local("2026-09-30", "12:00"))
    house.confirm(meter, "124", local("2026-10-01", "12:00"))
    house.confirm(meter, "900", local("2026-10-31", "12:00"))
    house.confirm(meter, "924", local("2026-11-01", "12:00"))
    line = books.bill()
    assert (line["amount"], line["estimated"]) == ("800.00", True)
    (shown,) = line["meters"]
    assert (shown["start"]["register"], shown["end"]["register"]) == ("112", "912")
    assert shown["start"]["interpolated"]
    assert shown["estimated"]
    assert [one["register"] for one in shown["end"]["readings"]] == ["900.0", "924.0"]
    (priced,) = line["lines"]
    assert "含估算" in priced["text"]["zh"]
    assert "推算" in said(line)
    assert "estimated" in priced["text"]["en"]


def test_only_what_a_second_person_confirmed_is_billed(books: Books, house: House) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    last = house.read(meter, "600", END)
    line = books.bill()
    assert (line["amount"], line["verdict"]) == (None, "needs_review")
    (priced,) = line["lines"]
    assert "no confirmed reading" in priced["note"]["en"]
    assert "1 of its readings wait for a second person" in priced["note"]["en"]
    assert "待他人确认" in said(line["warnings"])
    decide_reading(books.session, SECOND, last.id, "confirmed")
    assert books.bill()["amount"] == "500.00"


@pytest.mark.parametrize(
    ("days", "words"),
    [(["2026-10-01", "2026-10-28"], "within 72 h"), (["2026-10-01", "2026-10-30"], "at or after")],
)
def test_without_a_reading_near_the_end_nothing_is_priced(
    books: Books, house: House, days: list[str], words: str
) -> None:
    meter = house.hang()
    for number, day in enumerate(days):
        house.confirm(meter, str(100 + number), local(day))
    line = books.bill()
    assert line["amount"] is None
    assert words in line["lines"][0]["note"]["en"]
    assert "SN-1" in line["lines"][0]["note"]["zh"]
    assert line["meters"][0]["missing"] == line["lines"][0]["note"]
    # The control: one more reading after the end, and it is.
    if days[-1] == "2026-10-30":
        house.confirm(meter, "110", local("2026-11-15"))
        assert books.bill()["amount"] is not None


def test_a_wrong_reading_is_not_billed_while_its_correction_waits(
    books: Books, house: House
) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    wrong = house.confirm(meter, "960", END)
    assert books.bill()["amount"] == "860.00"
    right = house.read(meter, "690", END, corrects_id=wrong.id)
    assert books.bill()["amount"] is None
    decide_reading(books.session, SECOND, right.id, "confirmed")
    assert books.bill()["amount"] == "590.00"


def test_an_estimate_travels_to_the_line(books: Books, house: House) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    house.confirm(meter, "600", END, estimate_reason="钥匙不在，按上月估")
    line = books.bill()
    assert (line["amount"], line["estimated"]) == ("500.00", True)
    assert line["meters"][0]["end"]["readings"][0]["estimate"] == "钥匙不在，按上月估"
    assert not line["meters"][0]["end"]["interpolated"]


def test_two_meters_one_after_the_other_and_a_rollover(books: Books, house: House) -> None:
    meter = house.hang()
    house.confirm(meter, "999990", START)
    house.confirm(meter, "10", local("2026-10-15"), rolled_over=True)
    meter.removed_at = local("2026-10-15")
    books.session.flush()
    after = house.hang("SN-2", installed_at=local("2026-10-15"), digits=5, decimals=2)
    house.confirm(after, "3.25", local("2026-10-15"))
    house.confirm(after, "13.75", END)
    line = books.bill()
    assert [one["energy_kwh"] for one in line["meters"]] == ["20", "10.5"]
    assert line["amount"] == "30.50"
    assert "1000000.0 + 10.0 − 999990.0" in said(line)


def test_a_stretch_without_a_meter_is_said_and_counts_for_coverage(
    books: Books, house: House
) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    house.confirm(meter, "200", local("2026-10-15"))
    meter.removed_at = local("2026-10-15")
    books.session.flush()
    after = house.hang("SN-2", installed_at=local("2026-10-17"))
    house.confirm(after, "0", local("2026-10-17"))
    house.confirm(after, "50", END)
    line = books.bill()
    assert line["amount"] == "150.00"
    assert "2026-10-15 00:00 – 2026-10-17 00:00" in said(line["warnings"])
    strict = TERMS.replace("    price: 1.00\n", "    price: 1.00\n    min_coverage: 99 %\n")
    assert books.bill(strict)["amount"] is None
    assert books.bill(strict.replace("99 %", "90 %"))["amount"] == "150.00"


def test_what_needs_hours_or_power_has_no_price(books: Books, house: House) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    house.confirm(meter, "600", END)
    by_hours = TERMS.replace(
        "    price: 1.00\n",
        "    by_hours:\n"
        "      - {name: {zh: 峰, en: peak}, hours: [08:00-20:00], price: 1.20}\n"
        "      - {name: {zh: 谷, en: valley}, hours: [20:00-08:00], price: 0.40}\n",
    )
    demand = TERMS.replace("method: energy", "method: demand")
    for terms, words in ((by_hours, "doesn't tell the hours"), (demand, "no power")):
        line = books.bill(terms)
        assert line["amount"] is None
        assert words in line["lines"][0]["note"]["en"]


def test_included_energy_and_pue_hold_for_hand_read_meters_too(books: Books, house: House) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    house.confirm(meter, "600", END)
    terms = TERMS.replace(
        "    price: 1.00\n", "    price: 1.00\n    pue: 1.5\n    included: 100 kWh\n"
    )
    assert books.bill(terms)["amount"] == "650.00"


def poll(house: House, number: int, feed: int) -> None:
    """A series of power on a PDU: what would be charged of it stands in `power` of the inputs."""
    kind = DeviceType(manufacturer="m", model=f"m{number}{feed}", height=0)
    house.session.add(kind)
    house.session.flush()
    device = Device(name=f"pdu-{number}-{feed}", role="pdu", device_type_id=kind.id)
    house.session.add(device)
    house.session.flush()
    node = house.pdus[number][feed]
    house.session.add(
        Series(family="power", device_id=device.id, slot="input", step_s=60, power_node_id=node.id)
    )
    house.session.flush()


def measured(inputs: dict[str, Any], kwh_an_hour: int = 1) -> dict[str, Any]:
    """The inputs with every feed's hours measured whole."""
    for entry in inputs["power"]:
        start = 1_790_784_000_000
        entry["bins"] = [
            [start + n * 3_600_000, 3_600_000, 10**6, 10**6, kwh_an_hour * 10**6]
            for n in range(31 * 24)
        ]
    return inputs


def amount(inputs: dict[str, Any]) -> str | None:
    (line,) = compose(inputs).data["usage"]
    return line["amount"]  # type: ignore[no-any-return]


HOURLY = TERMS.replace("    price: 1.00\n", "    price: 1.00\n    interval: 60 min\n")


def test_a_feed_that_is_read_by_hand_is_not_charged_by_its_samples_too(
    books: Books, house: House
) -> None:
    poll(house, 0, 0)
    poll(house, 0, 1)
    # The control: without a meter both feeds are charged by what was polled.
    assert amount(measured(books.gather(HOURLY))) == "1488.00"
    meter = house.hang(power_node_id=house.pdus[0][0].parent_id)
    house.confirm(meter, "0", START)
    house.confirm(meter, "500", END)
    inputs = measured(books.gather(HOURLY))
    assert inputs["meters"][0]["instead_of"] == ["P-A-01-A"]
    assert amount(inputs) == "1244.00"
    without = copy.deepcopy(inputs)
    without["meters"][0]["instead_of"] = []
    assert amount(without) == "1988.00"


def test_until_the_meter_was_hung_up_the_samples_count(books: Books, house: House) -> None:
    poll(house, 0, 0)
    meter = house.hang(power_node_id=house.pdus[0][0].id, installed_at=local("2026-10-11", "00:30"))
    house.confirm(meter, "0", local("2026-10-11", "00:30"))
    house.confirm(meter, "500", END)
    # Ten whole days of samples; the hour in which it was hung up is the meter's alone.
    assert amount(measured(books.gather(HOURLY))) == "740.00"


def test_a_month_issued_stays_whatever_is_read_later(
    books: Books, house: House, settings: Settings
) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    last = house.confirm(meter, "600", END)
    statement, new = freeze_statement(books.session, SYSTEM, settings, books.contract.id, PERIOD)
    assert new
    assert statement.total == Decimal("1500.00")
    frozen = copy.deepcopy(statement.document)
    house.confirm(meter, "550", END, corrects_id=last.id)
    again, new = freeze_statement(books.session, SYSTEM, settings, books.contract.id, PERIOD)
    assert not new
    assert again.document == frozen
    assert compose(unpack_inputs(statement)).data == frozen
    assert books.bill()["amount"] == "450.00"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"confirmed_by": "READER@example.com"}, "no second person"),
        ({"confirmed_by": ""}, "no second person"),
        ({"value": -1}, "can't stand"),
        ({"value": 10**7}, "can't stand"),
        ({"value": True}, "can't stand"),
        ({"photo_sha256": "x"}, "no SHA-256"),
        ({"at": "2026-10-01T00:00:00+08:00"}, "write"),
    ],
)
def test_inputs_that_were_tampered_with_are_refused(
    books: Books, house: House, change: dict[str, Any], words: str
) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    house.confirm(meter, "600", END)
    inputs = books.gather()
    compose(inputs)
    inputs["meters"][0]["readings"][0] |= change
    with pytest.raises(InputsRefusedError, match=words):
        compose(inputs)


def test_two_meters_at_one_place_at_once_are_refused(books: Books, house: House) -> None:
    meter = house.hang()
    house.confirm(meter, "100", START)
    house.confirm(meter, "600", END)
    inputs = books.gather()
    inputs["meters"].append({**inputs["meters"][0], "serial": "SN-2"})
    with pytest.raises(InputsRefusedError, match="two meters at once"):
        compose(inputs)


def test_two_places_of_one_code_are_billed_both(books: Books, house: House) -> None:
    """A code of a cabinet is unique in its row alone: here in another row and another room."""
    first = house.hang(cabinet_id=house.cabinets[0].id)
    site = house.room.site_id
    other = Room(site_id=site, code="R2", name="二号机房", name_en="Room 2")
    rows = [Row(room_id=house.room.id, code="B", position=2), Row(room=other, code="A", position=1)]
    books.session.add_all([other, *rows])
    books.session.flush()
    meters = [first]
    for number, row in enumerate(rows, 2):
        cabinet = Cabinet(row_id=row.id, code="A-01", position=1)
        books.session.add(cabinet)
        books.session.flush()
        meters.append(house.hang(f"SN-{number}", cabinet_id=cabinet.id, room_id=row.room_id))
    for meter in meters:
        house.confirm(meter, "100", START)
        house.confirm(meter, "600", END)
    line = books.bill()
    assert (line["amount"], line["warnings"]) == ("1500.00", [])
    assert [one["measures"] for one in line["meters"]] == [
        "SH1 / R1 / A / A-01", "SH1 / R1 / B / A-01", "SH1 / R2 / A / A-01",
    ]  # fmt: skip
    # The control: a code that is the only one of the item stays as short as it is.
    for meter in meters[1:]:
        meter.removed_at = local("2026-09-30")
    books.session.flush()
    assert books.bill()["meters"][0]["measures"] == "A-01"


def test_a_fee_whatever_was_used_reads_no_meter(books: Books, house: House) -> None:
    house.hang()
    flat = TERMS.replace("method: energy", "method: flat")
    for terms, refused in ((TERMS, True), (flat, False)):
        inputs = books.gather(terms)
        inputs["meters"].append({**inputs["meters"][0], "serial": "SN-2"})
        if refused:  # the control: by the kWh these two are charged twice
            with pytest.raises(InputsRefusedError, match="two meters at once"):
                compose(inputs)
        else:
            assert amount(inputs) == "1.00"


def test_what_credits_dont_need_isnt_gathered(books: Books, house: House) -> None:
    house.hang()
    assert "meters" in books.gather()
    assert "meters" not in gather_inputs(
        books.session, SYSTEM, books.contract, PERIOD, document={}, operator={}, usage=False
    )


def test_items_without_meters_have_no_such_key(books: Books, house: House) -> None:
    assert "meters" not in books.gather()
    house.hang("SN-9", 1)
    assert "meters" not in books.gather()
    # Not there yet in October.
    house.hang(installed_at=local("2026-11-02"))
    assert "meters" not in books.gather()
    attachments_of(books.gather())


def test_gathering_costs_the_same_however_many_meters(books: Books, house: House) -> None:
    def hang(number: int) -> Meter:
        node = house.pdus[0][number]
        meter = house.hang(f"SN-{number}", power_node_id=node.id)
        house.confirm(meter, "1", START)
        return meter

    hang(0)
    books.gather()
    one = count_statements(books.session, books.gather)
    second = hang(1)
    for day in range(2, 20):
        house.confirm(second, str(day), local(f"2026-10-{day:02}"))
    assert count_statements(books.session, books.gather) == one
    assert books.session.scalar(select(func.count()).select_from(ContractTerms)) == 2


def test_the_signed_file_alone_proves_the_hand_read_energy(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        house = build_house(session)
        meter = house.hang()
        house.confirm(meter, "100.0", local("2026-09-30", "12:00"))
        house.confirm(meter, "600.5", END, photo=Photo("IMG.jpg", JPEG))
        contract = house.contracts[0].id
    issued = issue_statement(sessions, SYSTEM, settings, contract, PERIOD)
    with transaction(sessions, SYSTEM) as session:
        pdf = read_file(session, SYSTEM, settings, issued.statement_id)
        document = session.get_one(Statement, issued.statement_id).document
    assert document["usage"][0]["estimated"] is True
    verdict = verify_file(pdf)
    assert verdict.outcome == "signer_unknown", verdict
