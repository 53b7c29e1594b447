"""Drafting, signing, amending, renewing and ending, by the services."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.customers.amendments import Change, amend_contract, preview_amendment
from dcim.customers.contracts import (
    delete_contract,
    renew_contract,
    set_contract_end,
    sign_contract,
    update_contract,
)
from dcim.customers.items import create_item, delete_item, set_item_end, update_item
from dcim.customers.models import CatalogueItem, ContractItem, Customer, ItemVersion
from dcim.customers.registration import (
    create_contact,
    create_customer,
    update_contact,
    update_customer,
)
from dcim.customers.renewals import list_renewals
from dcim.customers.turning import turn_day
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError
from dcim.sla.agreeing import attach_terms
from dcim.sla.terms_in_force import find_agreed
from tests.integration.customers.office import (
    BEGAN,
    CLERK,
    NEXT,
    NOW,
    TERMS,
    attach,
    make_contract,
    make_customer,
    make_item,
    make_signed,
)

OUTSIDER = Scope.customer("someone@c.example", 1)


def test_a_customer_has_one_identity_that_fits(session: ScopedSession) -> None:
    first = make_customer(session, "C1", credit_code="9131 0000-0000000-00U")
    assert first.credit_code == "91310000000000000U"
    with pytest.raises(ConflictError, match="Customer C1"):
        make_customer(session, "C2", credit_code="91310000000000000U")
    with pytest.raises(InvalidError, match="check character") as told:
        make_customer(session, "C3", credit_code="913100000000000001")
    assert "credit_code" in told.value.fields
    # Another country's number has no form that we know.
    abroad = make_customer(session, "C4", credit_code="FN 1234-5 x", identity_kind="foreign")
    assert abroad.credit_code == "FN12345X"
    with pytest.raises(InvalidError):
        update_customer(session, CLERK, abroad, {"identity_kind": "credit_code"})


def test_a_customer_is_served_by_what_was_signed(session: ScopedSession) -> None:
    customer = make_customer(session)
    assert (customer.state, customer.active) == ("prospect", False)
    contract = make_contract(session, customer)
    with pytest.raises(ConflictError, match="no items"):
        sign_contract(session, CLERK, contract, now=NOW)
    make_item(session, contract)
    with pytest.raises(ConflictError, match="no terms"):
        sign_contract(session, CLERK, contract, now=NOW)
    attach(session, contract)
    with pytest.raises(InvalidError, match="to come"):
        sign_contract(session, CLERK, contract, dt.date(2026, 11, 26), NOW)
    sign_contract(session, CLERK, contract, dt.date(2026, 1, 2), NOW)
    assert (customer.state, customer.active, contract.state) == ("active", True, "signed")
    with pytest.raises(ConflictError, match="still runs"):
        update_customer(session, CLERK, customer, {"state": "left"})
    for state in ("suspended", "leaving"):
        with pytest.raises(InvalidError, match="order"):
            update_customer(session, CLERK, customer, {"state": state})


def test_state_and_active_never_disagree(session: ScopedSession) -> None:
    """The control: the database refuses what goes round the model."""
    customer = make_customer(session)
    with pytest.raises(Exception, match="ck_customer_active_state"):
        session.execute(
            text("UPDATE customer SET active = true WHERE id = :id"), {"id": customer.id}
        )


def test_only_staff_write(session: ScopedSession) -> None:
    with pytest.raises(ForbiddenError):
        create_customer(session, OUTSIDER, {"code": "C9", "name": "x", "name_en": "x"})
    contract, item = make_signed(session)
    for refused in (
        lambda: update_item(session, OUTSIDER, item, {"note": "x"}),
        lambda: amend_contract(session, OUTSIDER, contract, NEXT, [], now=NOW),
        lambda: set_item_end(session, OUTSIDER, item, NEXT, NOW),
        lambda: renew_contract(session, OUTSIDER, contract, 12, NOW),
    ):
        with pytest.raises(ForbiddenError):
            refused()


def test_a_contact_keeps_four_characters_of_a_document(session: ScopedSession) -> None:
    customer = make_customer(session)
    given = {"customer_id": customer.id, "name": "沈知夏", "email": "ops@a.example"}
    contact = create_contact(
        session, CLERK, {**given, "document_kind": "id_card", "document_hint": "002x"}
    )
    assert contact.document_hint == "002X"
    for wrong in (
        {"document_kind": "id_card", "document_hint": "11010519491231002X"},
        {"document_hint": "002X"},
        {"document_kind": "passport"},
        {"email": "ops"},
        {"email": ""},
    ):
        with pytest.raises(InvalidError):
            create_contact(session, CLERK, {**given, **wrong})
    with pytest.raises(InvalidError, match="sent by mail"):
        update_contact(session, CLERK, contact, {"email": ""})
    update_contact(session, CLERK, contact, {"email": "", "gets_statements": False})
    assert contact.email == ""


def test_an_item_takes_its_price_from_the_catalogue(session: ScopedSession) -> None:
    offer = CatalogueItem(
        code="U", kind="space", name="机位托管", name_en="Colocation by U", unit="u",
        list_price=Decimal("280.00"),
    )  # fmt: skip
    session.add(offer)
    session.flush()
    contract = make_contract(session, make_customer(session))
    item = make_item(
        session, contract, kind="space", label=None, catalogue_item_id=offer.id,
        quantity=Decimal(6),
    )  # fmt: skip
    assert (item.label_en, item.unit, item.unit_price, item.monthly_fee) == (
        "Colocation by U", "u", Decimal("280.00"), Decimal("1680.00"),
    )  # fmt: skip
    assert [(v.effective_from, v.monthly_fee) for v in item.versions] == [(BEGAN, item.monthly_fee)]
    with pytest.raises(InvalidError, match="another kind"):
        make_item(session, contract, "x", kind="server", catalogue_item_id=offer.id)
    with pytest.raises(InvalidError, match="not 5"):
        make_item(
            session, contract, "x", unit_price=Decimal(2), quantity=Decimal(2),
            monthly_fee=Decimal(5),
        )  # fmt: skip
    with pytest.raises(InvalidError, match="price for each unit"):
        create_item(
            session, CLERK,
            {"contract_id": contract.id, "code": "x", "kind": "service", "label": "x",
             "starts_on": BEGAN},
        )  # fmt: skip
    abroad = make_contract(session, make_customer(session, "C2"), "HT-2", currency="EUR")
    with pytest.raises(InvalidError, match="listed in CNY"):
        make_item(session, abroad, kind="space", catalogue_item_id=offer.id)


def test_items_lie_within_their_contract(session: ScopedSession) -> None:
    contract = make_contract(session, make_customer(session), ends_on=dt.date(2027, 1, 1))
    for first, end in (
        ("2025-12-31", None), ("2027-01-01", None), ("2026-02-01", "2027-01-02"),
        ("2026-02-01", "2026-02-01"),
    ):  # fmt: skip
        with pytest.raises(InvalidError):
            make_item(
                session, contract, starts_on=dt.date.fromisoformat(first),
                ends_on=dt.date.fromisoformat(end) if end else None,
            )  # fmt: skip
    make_item(session, contract, starts_on=dt.date(2026, 12, 31), ends_on=dt.date(2027, 1, 1))
    with pytest.raises(ConflictError, match="outside"):
        update_contract(session, CLERK, contract, {"ends_on": dt.date(2026, 12, 31)})


def test_a_draft_is_corrected_and_what_is_signed_is_amended(session: ScopedSession) -> None:
    contract = make_contract(session, make_customer(session))
    item = make_item(session, contract)
    update_item(session, CLERK, item, {"monthly_fee": Decimal(7000), "contracted_w": 3000})
    assert [(v.monthly_fee, v.contracted_w) for v in item.versions] == [(Decimal(7000), 3000)]
    update_item(session, CLERK, item, {"unit_price": Decimal(70), "quantity": Decimal(3)})
    assert item.monthly_fee == Decimal("210.00")
    update_item(session, CLERK, item, {"quantity": Decimal(4)})
    assert item.monthly_fee == item.versions[0].monthly_fee == Decimal("280.00")
    attach(session, contract)
    sign_contract(session, CLERK, contract, now=NOW)
    update_item(session, CLERK, item, {"note": "靠窗", "quantity": Decimal("4.000")})
    with pytest.raises(InvalidError, match="amendment"):
        update_item(session, CLERK, item, {"quantity": Decimal(5)})
    with pytest.raises(InvalidError, match="signed"):
        update_contract(session, CLERK, contract, {"currency": "USD"})
    with pytest.raises(ConflictError, match="end the item"):
        delete_item(session, CLERK, item)
    with pytest.raises(ConflictError, match="stays on record"):
        delete_contract(session, CLERK, contract)


def test_a_draft_goes_with_its_items(session: ScopedSession) -> None:
    contract = make_contract(session, make_customer(session))
    make_item(session, contract)
    attach(session, contract)
    session.expire_all()
    delete_contract(session, CLERK, contract)
    assert session.scalars(select(ContractItem.id)).all() == []
    assert session.scalars(select(ItemVersion.id)).all() == []


def test_an_amendment_makes_versions_from_a_first(session: ScopedSession) -> None:
    contract, item = make_signed(session)
    change = [Change(item.id, monthly_fee=Decimal("7300.00"), contracted_w=6000)]
    (difference,) = preview_amendment(session, CLERK, contract, NEXT, change, NOW)
    assert (difference.by, difference.before.monthly_fee) == (Decimal(500), Decimal(6800))
    amendment = amend_contract(session, CLERK, contract, NEXT, change, summary="涨价", now=NOW)
    assert amendment.number == "HT-C1-A1"
    # Not yet in force: the item still is what it was.
    assert (item.monthly_fee, item.contracted_w) == (Decimal(6800), None)
    assert [(v.effective_from, v.monthly_fee, v.amendment_id) for v in item.versions] == [
        (BEGAN, Decimal(6800), None), (NEXT, Decimal(7300), amendment.id),
    ]  # fmt: skip
    with pytest.raises(ConflictError, match="very day"):
        amend_contract(
            session, CLERK, contract, NEXT, [Change(item.id, monthly_fee=Decimal(1))], now=NOW
        )
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "contract.amend")).one()
    assert entry.detail["changes"][0]["after"]["monthly_fee"] == "7300.00"


def test_what_an_amendment_refuses(session: ScopedSession) -> None:
    contract, item = make_signed(session)
    other, foreign = make_signed(session, "C2")
    new = Decimal("7300.00")

    def amend(day: dt.date, *changes: Change) -> None:
        amend_contract(session, CLERK, contract, day, changes, now=NOW)

    for day, words in (
        (dt.date(2026, 12, 2), "first of a month"),
        # October is over; what it cost stays.
        (dt.date(2026, 10, 1), "closed"),
    ):
        with pytest.raises(InvalidError, match=words):
            amend(day, Change(item.id, monthly_fee=new))
    with pytest.raises(InvalidError, match="Nothing would change"):
        amend(NEXT, Change(item.id, monthly_fee=item.monthly_fee))
    with pytest.raises(InvalidError, match="named once"):
        amend(NEXT, Change(foreign.id, monthly_fee=new))
    with pytest.raises(InvalidError, match="named once"):
        amend(NEXT, Change(item.id, monthly_fee=new), Change(item.id, monthly_fee=new))
    set_item_end(session, CLERK, item, NEXT, NOW)
    with pytest.raises(ConflictError, match="doesn't run"):
        amend(NEXT, Change(item.id, monthly_fee=new))
    set_contract_end(session, CLERK, other, NEXT, NOW)
    with pytest.raises(InvalidError, match="doesn't run"):
        amend_contract(session, CLERK, other, NEXT, [Change(foreign.id, monthly_fee=new)], now=NOW)


def test_a_version_comes_into_force_on_its_day(session: ScopedSession) -> None:
    contract, item = make_signed(session)
    amend_contract(
        session, CLERK, contract, NEXT, [Change(item.id, monthly_fee=Decimal(7300))], now=NOW
    )
    # 23:59 of 30 November in Shanghai, and a minute later.
    evening = dt.datetime(2026, 11, 30, 15, 59, tzinfo=dt.UTC)
    assert turn_day(session, CLERK, evening) == {"versions": 0, "contracts": 0}
    assert item.monthly_fee == 6800
    midnight = evening + dt.timedelta(minutes=1)
    assert turn_day(session, CLERK, midnight)["versions"] == 1
    assert item.monthly_fee == 7300
    assert turn_day(session, CLERK, midnight)["versions"] == 0


def test_this_months_amendment_is_in_force_at_once(session: ScopedSession) -> None:
    contract, item = make_signed(session)
    amend_contract(
        session, CLERK, contract, NEXT, [Change(item.id, monthly_fee=Decimal(7300))], now=NOW
    )
    amend_contract(
        session, CLERK, contract, dt.date(2026, 11, 1),
        [Change(item.id, monthly_fee=Decimal(7000))], now=NOW,
    )  # fmt: skip
    # The later version stands; the day between has the one put in before it.
    assert item.monthly_fee == 7000
    assert turn_day(session, CLERK, NOW)["versions"] == 0
    turn_day(session, CLERK, dt.datetime(2026, 12, 1, 4, tzinfo=dt.UTC))
    assert item.monthly_fee == 7300


def test_closed_months_keep_their_items(session: ScopedSession) -> None:
    contract, item = make_signed(session)
    with pytest.raises(InvalidError, match="closed"):
        make_item(session, contract, "late", starts_on=dt.date(2026, 10, 31))
    with pytest.raises(InvalidError, match="closed"):
        set_item_end(session, CLERK, item, dt.date(2026, 10, 31), NOW)
    # The first of the open month is the end of the month before it: that stays whole.
    set_item_end(session, CLERK, item, dt.date(2026, 11, 1), NOW)
    set_item_end(session, CLERK, item, None, NOW)
    assert item.ends_on is None


def test_a_contract_ends_with_its_items(session: ScopedSession) -> None:
    contract, item = make_signed(session)
    set_contract_end(session, CLERK, contract, NEXT, NOW)
    assert (contract.state, contract.ends_on, item.ends_on) == ("signed", NEXT, NEXT)
    assert turn_day(session, CLERK, dt.datetime(2026, 12, 1, tzinfo=dt.UTC))["contracts"] == 1
    assert contract.state == "ended"
    assert session.get_one(Customer, contract.customer_id).state == "active"


def test_renewing_moves_the_end_of_what_ends_with_it(session: ScopedSession) -> None:
    contract, item = make_signed(session, ends_on=dt.date(2027, 1, 31), term_months=13)
    short = make_item(session, contract, "short", starts_on=NEXT, ends_on=dt.date(2027, 1, 1))
    set_item_end(session, CLERK, item, dt.date(2027, 1, 31), NOW)
    renew_contract(session, CLERK, contract, 1, NOW)
    assert (contract.ends_on, item.ends_on) == (dt.date(2027, 2, 28), dt.date(2027, 2, 28))
    assert short.ends_on == dt.date(2027, 1, 1)
    rolling, _ = make_signed(session, "C2")
    with pytest.raises(ConflictError, match="by itself"):
        renew_contract(session, CLERK, rolling, 12, NOW)


def test_renewals_are_listed_when_notice_is_near(session: ScopedSession) -> None:
    """Notice 30 days ahead: of an end on 1 February by 2 January, in 38 days."""
    make_signed(session, "C1", ends_on=dt.date(2027, 2, 1))
    make_signed(session, "C2", term_months=12, auto_renew=True)
    make_signed(session, "C3")
    make_contract(session, make_customer(session, "C4"), "HT-4", ends_on=dt.date(2026, 12, 1))

    def due(days: int) -> list[tuple[str, int]]:
        return [(r.number, r.days_left) for r in list_renewals(session, CLERK, days, NOW)]

    assert due(38) == [("HT-C2", 7), ("HT-C1", 38)]
    assert due(37) == [("HT-C2", 7)]
    (first, _) = list_renewals(session, CLERK, 38, NOW)
    assert first.term.renews
    assert first.term.end == dt.date(2027, 1, 1)
    assert first.monthly_fees == 6800
    own = Scope.customer("someone@c.example", first.customer_id)
    assert [r.number for r in list_renewals(session, own, 999, NOW)] == ["HT-C2"]


def test_terms_are_read_before_they_count(session: ScopedSession) -> None:
    contract = make_contract(session, make_customer(session))
    document = TERMS.read_text("utf-8")
    for wrong, words in (
        ("terms: standard", "can't be used"),
        (document.replace("currency: CNY", "currency: USD"), "in USD"),
    ):
        with pytest.raises(InvalidError, match=words):
            attach_terms(session, CLERK, contract, wrong)
    first = attach_terms(session, CLERK, contract, document)
    # A draft has one version: its start's.
    again = attach_terms(session, CLERK, contract, document, dt.date(2026, 5, 1))
    assert (first.version, again.version, again.effective_from) == (1, 1, BEGAN)
    with pytest.raises(ConflictError, match="were read for"):
        update_contract(session, CLERK, contract, {"currency": "USD"})
    make_item(session, contract)
    sign_contract(session, CLERK, contract, now=NOW)
    with pytest.raises(InvalidError, match="closed"):
        attach_terms(session, CLERK, contract, document, dt.date(2026, 10, 1), NOW)
    assert attach_terms(session, CLERK, contract, document, NEXT, NOW).version == 2
    with pytest.raises(InvalidError, match="begins later"):
        attach_terms(session, CLERK, contract, document, NEXT, NOW)


def test_promises_change_on_any_day_what_is_charged_on_the_first(session: ScopedSession) -> None:
    contract, _ = make_signed(session)
    document = TERMS.read_text("utf-8")
    within = dt.date(2026, 12, 15)
    priced = document.replace("over: 72.00", "over: 80.00")
    rounded = document.replace("half_up to 0.01", "half_up to 1")
    assert document not in (priced, rounded)
    for changed, word in ((priced, "usage"), (rounded, "rounding")):
        with pytest.raises(InvalidError, match=f"{word}.*first of a month") as refused:
            attach_terms(session, CLERK, contract, changed, within, NOW)
        assert list(refused.value.fields) == ["effective_from"]
    # The way out it names.
    assert attach_terms(session, CLERK, contract, priced, NEXT, NOW).effective_from == NEXT
    promised = priced.replace("credit: 2.5 %", "credit: 3 %")
    assert promised != priced
    assert attach_terms(session, CLERK, contract, promised, within, NOW).effective_from == within
    december = find_agreed(session, CLERK, contract, "2026-12")
    assert december.as_inputs()["later_terms"] == [{"from": "2026-12-15", "terms": promised}]
    assert find_agreed(session, CLERK, contract, "2027-01").as_inputs() == {"terms": promised}
    assert {change.since for change in december.load().changes} == {"", "2026-12-15"}
