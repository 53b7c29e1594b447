"""The customer portal: own things alone, in every byte; foreign ids answer like absent ones."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import ScopedSession, SessionFactory
from dcim.errors import NotFoundError
from dcim.inventory.models import Device
from dcim.statements import month_to_date
from dcim.statements.models import Statement, StatementFile
from dcim.statements.month_to_date import tell_month
from tests.integration.web.boards import HOSTILE, LONG_AGO, Counter, House, Tenant
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
PAGES = ("/portal/", "/portal/month", "/portal/cabinets", "/portal/bandwidth", "/portal/statements")


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


@pytest.fixture
def tenants(house: House) -> tuple[Tenant, Tenant]:
    return house.add_tenant("A"), house.add_tenant("B")


@pytest.fixture
def customer(app: Flask, make_login: MakeLogin, tenants: tuple[Tenant, Tenant]) -> FlaskClient:
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=tenants[0].customer_id))
    return client


def add_statement(
    session: ScopedSession, settings: Settings, tenant: Tenant, tag: str, content: bytes
) -> int:
    import hashlib

    from dcim.customers.models import Contract

    contract = session.query(Contract).filter_by(customer_id=tenant.customer_id).one()
    statement = Statement(
        customer_id=tenant.customer_id,
        contract_id=contract.id,
        number=f"CANARY-{tag}-statement",
        period="2026-10",
        currency="CNY",
        total=100,
        credits=-5,
        verdict="breached",
        document={"canary": f"CANARY-{tag}-document"},
        document_sha256="0" * 64,
        inputs=b"",
        inputs_sha256="0" * 64,
    )
    session.add(statement)
    session.flush()
    session.add(
        StatementFile(
            statement_id=statement.id,
            customer_id=tenant.customer_id,
            sha256=hashlib.sha256(content).hexdigest(),
            unsigned_sha256="0" * 64,
            size=len(content),
            pages=1,
            signer="0" * 64,
        )
    )
    (settings.statements_folder / f"{statement.number}.pdf").write_bytes(content)
    session.commit()
    return statement.id


def test_own_things_alone_in_every_byte(
    customer: FlaskClient,
    session: ScopedSession,
    settings: Settings,
    tenants: tuple[Tenant, Tenant],
) -> None:
    for tenant, tag in zip(tenants, "AB", strict=True):
        add_statement(session, settings, tenant, tag, f"%PDF-CANARY-{tag}-bytes".encode())
    seen = ""
    for path in PAGES:
        answer = customer.get(path)
        assert answer.status_code == 200, path
        page = answer.get_data(as_text=True)
        assert "CANARY-B-" not in page, path
        assert "OPERATOR" not in page, path
        assert HOSTILE not in page, path
        assert "<script>alert" not in page, path
        seen += page
    # The control: the same canaries of their own are there.
    for canary in ("CANARY-A-name", "CANARY-A-svc0", "CANARY-A-server", "CANARY-A-statement"):
        assert canary in seen, canary


def test_staff_sees_the_other_tenants_canary_where_the_customer_does_not(
    app: Flask, make_login: MakeLogin, tenants: tuple[Tenant, Tenant]
) -> None:
    """The control of the canaries: B's incident is on the page of those who may see it."""
    client = app.test_client()
    sign_in(client, make_login("noc"))
    assert "CANARY-B-what" in client.get("/noc/events").get_data(as_text=True)


def test_a_foreign_id_answers_like_an_absent_one(
    customer: FlaskClient,
    session: ScopedSession,
    settings: Settings,
    tenants: tuple[Tenant, Tenant],
) -> None:
    foreign = add_statement(session, settings, tenants[1], "B", b"%PDF-B")
    port = tenants[1].ports[0]
    for path, own, absent in (
        ("/portal/statements/{}.pdf", foreign, 999_999),
        ("/portal/statements/{}.json", foreign, 999_999),
        ("/portal/bandwidth/{}/samples.csv", port, 999_999),
        ("/portal/bandwidth?port={}", port, 999_999),
    ):
        answers = [customer.get(path.format(one)) for one in (own, absent)]
        assert [answer.status_code for answer in answers] == [404, 404], path
        bodies = [
            answer.get_data(as_text=True).replace(path.format(one), "PATH")
            for answer, one in zip(answers, (own, absent), strict=True)
        ]
        bodies = [_without_request_id(body) for body in bodies]
        assert bodies[0] == bodies[1], path


def _without_request_id(body: str) -> str:
    import re

    return re.sub(
        r'(name="csrf_token" value|name="csrf-token" content)="[^"]*"',
        "",
        re.sub(r'<span class="mono">[0-9a-f]{16}</span>', "", body),
    )


def test_the_pdf_is_byte_for_byte_and_audited(
    customer: FlaskClient,
    session: ScopedSession,
    settings: Settings,
    tenants: tuple[Tenant, Tenant],
) -> None:
    own = add_statement(session, settings, tenants[0], "A", b"%PDF-own")
    answer = customer.get(f"/portal/statements/{own}.pdf")
    assert answer.data == b"%PDF-own"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="CANARY-A-statement.pdf"'
    )
    document = customer.get(f"/portal/statements/{own}.json")
    assert json.loads(document.data) == {"canary": "CANARY-A-document"}
    session.expire_all()
    deeds = [e.subject for e in session.query(AuditEntry) if e.action == "statement.download"]
    assert deeds == [f"statement/{own}"] * 2


def test_a_file_that_was_changed_on_disk_is_refused(
    customer: FlaskClient,
    session: ScopedSession,
    settings: Settings,
    tenants: tuple[Tenant, Tenant],
) -> None:
    own = add_statement(session, settings, tenants[0], "A", b"%PDF-own")
    (settings.statements_folder / "CANARY-A-statement.pdf").write_bytes(b"%PDF-changed")
    assert customer.get(f"/portal/statements/{own}.pdf").status_code == 500


def test_csv_holds_only_what_was_measured_while_the_port_was_theirs(
    customer: FlaskClient, session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant]
) -> None:
    import datetime as dt

    from dcim.network.models import ServiceMembership

    path = f"/portal/bandwidth/{tenants[0].ports[0]}/samples.csv"
    assert len(customer.get(path).get_data(as_text=True).splitlines()) == 11
    member = session.query(ServiceMembership).filter_by(port_id=tenants[0].ports[0]).one()
    member.starts_at = house.now - dt.timedelta(minutes=4)
    session.commit()
    # A delta that reaches back before is another's too.
    assert len(customer.get(path).get_data(as_text=True).splitlines()) == 1 + 4


@pytest.mark.parametrize("path", ["/portal/", "/portal/cabinets", "/portal/bandwidth"])
def test_statements_do_not_grow_with_other_tenants(
    customer: FlaskClient, house: House, path: str
) -> None:
    engine = house.session.get_bind().engine
    customer.get(path)
    with Counter(engine) as few:
        customer.get(path)
    for tag in ("C", "D", "E"):
        house.add_tenant(tag, 3)
    with Counter(engine) as many:
        customer.get(path)
    assert few.count > 5
    assert many.count == few.count


def test_who_may_come(app: Flask, make_login: MakeLogin, tenants: tuple[Tenant, Tenant]) -> None:
    for role in ("staff", "noc", "finance", "auditor", "administrator"):
        client = app.test_client()
        sign_in(client, make_login(role))
        for path in PAGES:
            assert client.get(path).status_code == 403, (role, path)
    for path in PAGES:
        assert app.test_client().get(path).status_code == 303


def test_a_customer_with_nothing_has_pages_that_say_so(
    app: Flask, make_login: MakeLogin, session: ScopedSession
) -> None:
    from dcim.customers.models import Customer

    customer = Customer(code="C-0", name="空", name_en="Empty")
    session.add(customer)
    session.commit()
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=customer.id))
    for path in PAGES:
        assert client.get(path).status_code == 200, path
    assert "No cabinets" in client.get("/portal/cabinets").get_data(as_text=True)


def add_terms(session: ScopedSession, tenant: Tenant) -> int:
    import dcim.demo
    from dcim.customers.models import Contract, ContractTerms
    from dcim.sla.rules.language.loading import load_terms

    document = (Path(dcim.demo.__file__).parent / "terms" / "premium.yaml").read_text()
    contract = session.query(Contract).filter_by(customer_id=tenant.customer_id).one()
    session.add(
        ContractTerms(
            contract_id=contract.id,
            customer_id=tenant.customer_id,
            version=1,
            effective_from=LONG_AGO,
            document=document,
            sha256=load_terms(document).sha256,
        )
    )
    session.commit()
    return contract.id


def test_the_month_is_judged_by_meters_the_customer_may_not_see(
    customer: FlaskClient,
    session: ScopedSession,
    sessions: SessionFactory,
    house: House,
    tenants: tuple[Tenant, Tenant],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract_id = add_terms(session, tenants[0])
    add_terms(session, tenants[1])
    page = customer.get("/portal/month").get_data(as_text=True)
    assert "CANARY-A-label-space" in page
    assert "Power availability" in page or "供电可用率" in page
    assert "CANARY-B-" not in page
    assert "OPERATOR" not in page
    scope = Scope.customer("test", tenants[0].customer_id)

    def unknown_ms() -> int:
        with sessions() as own:
            own.use_scope(scope)
            told = tell_month(own, scope, contract_id, house.now)
            # The wall stands again: no device but their own.
            assert {d.customer_id for d in own.query(Device)} == {tenants[0].customer_id}
            return sum(line.unknown_ms for line in told.lines if line.id.startswith("power"))

    month_ms = house.now.day * 86_400_000
    assert 0 < unknown_ms() < 2 * month_ms
    # The control: with the wall left up the operator's devices are not there to be read.
    monkeypatch.setattr(month_to_date, "_see_meters", lambda session, scope: nullcontext())
    with pytest.raises(AttributeError):
        unknown_ms()


def test_a_foreign_contract_is_absent(
    session: ScopedSession, sessions: SessionFactory, house: House, tenants: tuple[Tenant, Tenant]
) -> None:
    contract_id = add_terms(session, tenants[1])
    scope = Scope.customer("test", tenants[0].customer_id)
    with sessions() as own:
        own.use_scope(scope)
        with pytest.raises(NotFoundError):
            tell_month(own, scope, contract_id, house.now)
