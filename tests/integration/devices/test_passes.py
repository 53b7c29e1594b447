"""Passes: asked for, decided, checked at the gate; what stands doesn't go, what is more stays."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.devices.gate import check_pass
from dcim.inventory.devices.models import EquipmentPass, EquipmentPassLine
from dcim.inventory.devices.passes import (
    LineRequest,
    approve_pass,
    cancel_pass,
    find_pass,
    refuse_pass,
    request_pass,
)
from dcim.inventory.rental import rent_device
from dcim.inventory.space.placement import install_device, remove_device
from tests.integration.devices.yard import NOW, SCOPE, TODAY, Yard, add_device

DISKS = LineRequest("media", "SAS disk 4 TB", quantity=6)


def ask(
    session: Session, yard: Yard, *lines: LineRequest, scope: Scope = SCOPE, **rest: Any
) -> EquipmentPass:
    given: dict[str, Any] = {
        "direction": "out", "site_id": yard.site.id, "bearer": "Zhao Lei",
        "bearer_document_hint": "402X", "planned_on": TODAY, "now": NOW,
    }  # fmt: skip
    return request_pass(session, scope, lines=lines or (DISKS,), **(given | rest))


def counts(one: EquipmentPass, *numbers: int) -> dict[int, int]:
    return dict(zip([line.id for line in one.lines], numbers, strict=True))


def test_out_through_the_gate(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", "Reed")
    install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)
    reed = yard.scope("Reed")
    one = ask(session, yard, LineRequest("device", device_id=device.id), DISKS, scope=reed)
    assert (one.number, one.state, one.customer_id) == (
        "P-2026-000001", "requested", device.customer_id,
    )  # fmt: skip
    assert one.lines[0].description == "d1"
    with pytest.raises(ConflictError, match=r"d1\. Remove them first"):
        approve_pass(session, SCOPE, one.id)
    remove_device(session, SCOPE, device)
    approve_pass(session, SCOPE, one.id)
    # Put back behind the pass's back: the gate sees it.
    install_device(session, SCOPE, device, yard.rack.id, u_low=0, at=NOW)
    with pytest.raises(ConflictError, match="Remove them first"):
        check_pass(session, SCOPE, one.id, counts(one, 1, 6))
    remove_device(session, SCOPE, device)
    check_pass(session, SCOPE, one.id, counts(one, 1, 4))
    assert one.state == "passed"
    assert [line.counted for line in one.lines] == [1, 4]
    assert device.state == "returned"
    with pytest.raises(ConflictError, match="not open"):
        check_pass(session, SCOPE, one.id, counts(one, 1, 4))
    actions = session.scalars(
        select(AuditEntry.action).where(AuditEntry.subject == f"equipment-pass/{one.id}")
        .order_by(AuditEntry.id)
    ).all()  # fmt: skip
    assert actions == [f"equipment_pass.{deed}" for deed in ("request", "approve", "check")]


def test_in_through_the_gate(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", "Reed", state="planned")
    left = add_device(session, yard, "d2", "Reed", state="planned")
    one = ask(
        session, yard, LineRequest("device", device_id=device.id),
        LineRequest("device", device_id=left.id), direction="in", customer_id=device.customer_id,
    )  # fmt: skip
    approve_pass(session, SCOPE, one.id)
    check_pass(session, SCOPE, one.id, counts(one, 1, 0))
    assert (device.state, left.state) == ("in_stock", "planned")


def test_the_gate_counts_every_line(session: Session, yard: Yard) -> None:
    one = ask(session, yard, DISKS, LineRequest("other", "Ladder"))
    with pytest.raises(ConflictError, match="not open"):
        check_pass(session, SCOPE, one.id, counts(one, 1, 1))
    approve_pass(session, SCOPE, one.id)
    first, second = (line.id for line in one.lines)
    with pytest.raises(InvalidError) as caught:
        check_pass(session, SCOPE, one.id, {first: 7, 999: 1})
    assert set(caught.value.fields) == {f"count_{first}", f"count_{second}", "count_999"}
    with pytest.raises(InvalidError, match="Nothing came"):
        check_pass(session, SCOPE, one.id, counts(one, 0, 0))
    assert one.state == "approved"


def test_what_cant_be_asked(session: Session, yard: Yard) -> None:
    moss = add_device(session, yard, "theirs", "Moss")
    gone = add_device(session, yard, "gone", "Reed", state="returned")
    mine = add_device(session, yard, "mine", "Reed")
    with pytest.raises(InvalidError) as caught:
        ask(
            session, yard, LineRequest("device", device_id=moss.id),
            LineRequest("device", device_id=gone.id), LineRequest("tool", "x"),
            LineRequest("other", " "), LineRequest("media", "disks", quantity=0),
            LineRequest("device", device_id=mine.id), LineRequest("device", device_id=mine.id),
            scope=yard.scope("Reed"), bearer="", bearer_document_hint="12345",
            planned_on=TODAY - dt.timedelta(days=1), note="\x00",
        )  # fmt: skip
    assert set(caught.value.fields) == {
        "bearer", "bearer_document_hint", "planned_on", "note",
        "lines.0", "lines.1", "lines.2", "lines.3", "lines.4", "lines.6",
    }  # fmt: skip
    with pytest.raises(InvalidError) as caught:
        request_pass(
            session, SCOPE, direction="up", site_id=999, bearer="x", planned_on=TODAY, lines=(),
            customer_id=999, now=NOW,
        )  # fmt: skip
    assert set(caught.value.fields) == {"direction", "site_id", "customer_id", "lines"}
    assert session.scalar(select(func.count()).select_from(EquipmentPass)) == 0


def test_a_customer_asks_for_its_own_alone(session: Session, yard: Yard) -> None:
    reed, moss = yard.scope("Reed"), yard.scope("Moss")
    with pytest.raises(InvalidError) as caught:
        ask(session, yard, scope=reed, customer_id=yard.customers["Moss"].id)
    assert set(caught.value.fields) == {"customer_id"}
    one = ask(session, yard, scope=reed)
    assert one.customer_id == reed.customer_id
    with pytest.raises(NotFoundError):
        find_pass(session, moss, one.id)
    with pytest.raises(NotFoundError):
        cancel_pass(session, moss, one.id)
    with pytest.raises(ForbiddenError):
        approve_pass(session, reed, one.id)
    with pytest.raises(ForbiddenError):
        refuse_pass(session, reed, one.id, "no")
    with pytest.raises(ForbiddenError):
        check_pass(session, reed, one.id, {})
    cancel_pass(session, reed, one.id)
    assert one.state == "cancelled"


def test_what_is_rented_stays(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "r1")
    rent_device(session, SCOPE, device.id, yard.items["Reed-server"].id, now=NOW)
    line = LineRequest("device", device_id=device.id)
    with pytest.raises(InvalidError) as caught:
        ask(session, yard, line, scope=yard.scope("Reed"))
    assert caught.value.fields == {"lines.0": ["It is rented from us and stays in the house."]}
    # Staff may send the operator's machine out, to repair; it isn't the customer's to return.
    one = ask(session, yard, line, customer_id=device.customer_id)
    approve_pass(session, SCOPE, one.id)
    check_pass(session, SCOPE, one.id, counts(one, 1))
    assert device.state == "in_stock"


def test_a_device_is_on_one_open_pass(session: Session, yard: Yard) -> None:
    device = add_device(session, yard, "d1", "Reed")
    line = LineRequest("device", device_id=device.id)
    one = ask(session, yard, line, scope=yard.scope("Reed"))
    with pytest.raises(ConflictError, match=f"d1 is on pass {one.number}"):
        ask(session, yard, line, scope=yard.scope("Reed"))
    refuse_pass(session, SCOPE, one.id, "come on Monday")
    again = ask(session, yard, line, scope=yard.scope("Reed"))
    assert again.number != one.number


def test_a_refusal_has_its_reason(session: Session, yard: Yard) -> None:
    one = ask(session, yard)
    for reason in ("", "x" * 256):
        with pytest.raises(InvalidError) as caught:
            refuse_pass(session, SCOPE, one.id, reason)
        assert set(caught.value.fields) == {"reason"}
    refuse_pass(session, SCOPE, one.id, "no document")
    assert (one.state, one.decision, one.decided_by) == ("refused", "no document", SCOPE.actor)
    with pytest.raises(ConflictError, match="not open"):
        cancel_pass(session, SCOPE, one.id, "too late")


def test_row_security_holds_passes_and_their_lines(session: Any, yard: Yard) -> None:
    ask(session, yard, scope=yard.scope("Reed"))
    ask(session, yard)
    for name, expected in (("Reed", 1), ("Moss", 0)):
        with session.within(yard.scope(name)):
            for model in (EquipmentPass, EquipmentPassLine):
                assert session.scalar(select(func.count()).select_from(model)) == expected
    for model in (EquipmentPass, EquipmentPassLine):
        assert session.scalar(select(func.count()).select_from(model)) == 2
