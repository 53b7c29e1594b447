"""Network records through the one service that writes records of any kind."""

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from dcim.accounts.models import AuditEntry
from dcim.db import ScopedSession
from dcim.errors import ConflictError, InvalidError
from dcim.kinds import KINDS as ALL_KINDS
from dcim.network.address_kinds import ADDRESS_ASSIGNMENT, ASN, PREFIX
from dcim.network.address_kinds import KINDS as ADDRESS_KINDS
from dcim.network.addresses import Holder, assign_address
from dcim.network.kinds import CABLE, CARRIER, CROSS_CONNECT, KINDS
from dcim.network.models import Carrier, Port
from dcim.network.registration import (
    check_circuit,
    check_port,
    check_service,
    create_port,
    create_service,
    update_port,
    update_service,
)
from dcim.records.listing import Wish, list_records
from dcim.records.writing import change_record, create_record, delete_record
from tests.integration.network.plant import STAFF, Plant


def test_all_are_known() -> None:
    assert {kind.name for kind in (*KINDS, *ADDRESS_KINDS)} <= {kind.name for kind in ALL_KINDS}


def test_carriers_and_numbers(session: ScopedSession, plant: Plant) -> None:
    made = create_record(session, STAFF, CARRIER, {"code": "unicom", "name": "中国联通"})
    with pytest.raises(ConflictError, match="unicom"):
        create_record(session, STAFF, CARRIER, {"code": "unicom", "name": "Other"})
    create_record(
        session, STAFF, ASN, {"number": 4_294_967_295, "name": "last", "carrier_id": made.id}
    )
    with pytest.raises(InvalidError):
        create_record(session, STAFF, ASN, {"number": 4_294_967_296, "name": "beyond"})


def test_a_prefix_changes_only_as_its_addresses_allow(session: ScopedSession, plant: Plant) -> None:
    made = create_record(session, STAFF, PREFIX, {"network": "192.0.2.0/24"})
    with pytest.raises(ConflictError):
        create_record(session, STAFF, PREFIX, {"network": "192.0.2.0/24"})
    given = create_record(session, STAFF, ADDRESS_ASSIGNMENT, {"network": "192.0.2.7/32"})
    assert given["ends_at"] is None
    entries = select(func.count()).select_from(AuditEntry).where(
        AuditEntry.subject == f"address-assignment/{given.id}"
    )  # fmt: skip
    assert session.scalar(entries) == 1
    with pytest.raises(ConflictError, match="a container gives none"):
        change_record(session, STAFF, PREFIX, made.id, {"role": "container"})
    with pytest.raises(ConflictError, match="take it back first"):
        delete_record(session, STAFF, PREFIX, made.id)
    create_record(session, STAFF, PREFIX, {"network": "192.0.2.0/29"})
    # What is given lies in a prefix within it by now.
    change_record(session, STAFF, PREFIX, made.id, {"role": "container"})
    delete_record(session, STAFF, PREFIX, made.id)
    changed = change_record(session, STAFF, ADDRESS_ASSIGNMENT, given.id, {"hostname": "gateway"})
    assert changed["hostname"] == "gateway"


def test_lists_cost_the_same_however_long(
    session: ScopedSession, plant: Plant, statements: list[str]
) -> None:
    counts = []
    for number in (10, 40):
        assign_address(session, STAFF, f"10.0.2.{number}", Holder())
        session.flush()
        for kind in (CABLE, CROSS_CONNECT, CARRIER):
            statements.clear()
            list_records(session, STAFF, kind, Wish())
            counts.append(len(statements))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 4


def test_a_service_takes_its_carriers_code(session: ScopedSession, plant: Plant) -> None:
    values = {
        "code": "bw-1", "customer_id": plant.a, "contract_item_id": plant.a_item,
        "carrier_id": plant.carrier, "commit_bps": 10, "ceiling_bps": 20,
    }  # fmt: skip
    check_service(session, STAFF, None, values)
    with pytest.raises(InvalidError, match="ceiling"):
        check_service(session, STAFF, None, values | {"commit_bps": 30})
    with pytest.raises(InvalidError, match="no such contract item"):
        check_service(session, STAFF, None, values | {"customer_id": plant.b})
    made = create_service(session, STAFF, values)
    assert (made.carrier, made.direction, made.charging_mode) == ("telecom", "max", "p95")
    other = Carrier(code="mobile", name="中国移动", kind="mobile")
    session.add(other)
    session.flush()
    update_service(session, STAFF, made, {"carrier_id": other.id})
    assert made.carrier == "mobile"


def test_ports_are_checked(session: ScopedSession, plant: Plant) -> None:
    with pytest.raises(InvalidError, match="MAC"):
        check_port(session, STAFF, None, {"mac": "00:1b:zz"})
    made = create_port(
        session,
        STAFF,
        {"device_id": plant.devices["srv-a"], "name": "eth1", "speed_bps": 0,
         "mac": "001B-21AA-BBCC"},
    )  # fmt: skip
    assert made.mac == "00:1b:21:aa:bb:cc"
    panel = session.get_one(Port, plant.ports["cab"])
    with pytest.raises(ConflictError, match="plugged into its rear"):
        update_port(session, STAFF, panel, {"kind": "switch"})


def test_circuits_are_checked(session: ScopedSession, plant: Plant) -> None:
    fine = {
        "capacity_bps": 10, "commit_bps": 5, "starts_on": "2026", "ends_on": None,
        "site_id": plant.site, "room_id": plant.room, "monthly_fee": Decimal(1),
    }  # fmt: skip
    check_circuit(session, STAFF, None, fine)
    with pytest.raises(InvalidError) as told:
        check_circuit(session, STAFF, None, fine | {"commit_bps": 11, "site_id": 0})
    assert set(told.value.fields) == {"commit_bps", "room_id"}
