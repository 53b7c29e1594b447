"""The second wall: PostgreSQL itself shows a tenant no other's row, whatever the query says."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

import dcim.models
from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.db import ScopedSession, SessionFactory, make_engine, make_sessions, transaction
from dcim.postgres import APP
from dcim.schema import TENANT_TABLES
from tests.servers import Database

TWO = ("A", "B")


@pytest.fixture
def customers(sessions: SessionFactory) -> dict[str, int]:
    with transaction(sessions, Scope.system("test")) as session:
        made = [Customer(code=tag, name=tag, name_en=tag) for tag in TWO]
        session.add_all(made)
        session.flush()
        for one in made:
            session.execute(
                text(
                    "INSERT INTO contact (customer_id, name, email, phone, may_order, may_enter,"
                    " gets_statements, may_ticket, may_see_bills, title, mobile, document_kind,"
                    " document_hint) VALUES (:id, :name, '', '', false, false, false, false,"
                    " false, '', '', '', '')"
                ),
                {"id": one.id, "name": one.code},
            )
        return {one.code: one.id for one in made}


@pytest.fixture
def admin(clean_database: Database) -> Iterator[Engine]:
    engine = create_engine(clean_database.admin_url)
    yield engine
    engine.dispose()


def seen(session: ScopedSession, table: str = "contact", column: str = "name") -> set[str]:
    return set(session.scalars(text(f"SELECT {column} FROM {table}")))  # noqa: S608


def test_every_tenant_table_is_behind_the_wall(admin: Engine) -> None:
    """Each table with a customer_id, and `customer` itself; people and the audit log are read by
    their own keys before a scope exists."""
    outside = {"app_user", "audit_entry"}
    tenant = {
        table.name
        for table in dcim.models.metadata.sorted_tables
        if "customer_id" in table.columns and table.name not in outside
    } | {"customer"}
    assert tenant == set(TENANT_TABLES)
    with admin.connect() as connection:
        rows = connection.execute(
            text("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
                 " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        )  # fmt: skip
        walls = {name: (enabled, forced) for name, enabled, forced in rows}
        checked = set(
            connection.scalars(
                text("SELECT tablename FROM pg_policies"
                     " WHERE qual IS NOT NULL AND with_check IS NOT NULL")
            )
        )  # fmt: skip
    assert {name: walls[name] for name in tenant} == dict.fromkeys(tenant, (True, True))
    assert tenant <= checked


def test_app_role_can_not_climb_over(admin: Engine) -> None:
    with admin.connect() as connection:
        role = connection.execute(
            text("SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
                 " FROM pg_roles WHERE rolname = :app"),
            {"app": APP},
        ).one()  # fmt: skip
        owned = connection.scalar(
            text("SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
                 " WHERE r.rolname = :app"),
            {"app": APP},
        )  # fmt: skip
        memberships = connection.scalar(
            text("SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
                 " WHERE r.rolname = :app"),
            {"app": APP},
        )  # fmt: skip
    assert not any(role)
    assert owned == 0
    assert memberships == 0


def test_without_a_scope_nothing_is_seen(
    sessions: SessionFactory, customers: dict[str, int]
) -> None:
    with sessions() as session:
        for table in TENANT_TABLES:
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608


def test_a_query_without_where_shows_own_rows_alone(
    sessions: SessionFactory, customers: dict[str, int]
) -> None:
    for tag in TWO:
        with transaction(sessions, Scope.customer("x", customers[tag])) as session:
            assert seen(session) == {tag}
            assert seen(session, "customer", "code") == {tag}
    with transaction(sessions, Scope.staff("x")) as session:
        assert seen(session) == set(TWO)


def test_no_row_can_be_pushed_over_the_wall(
    sessions: SessionFactory, customers: dict[str, int]
) -> None:
    insert = (
        "INSERT INTO contact (customer_id, name, email, phone, may_order, may_enter,"
        " gets_statements, may_ticket, may_see_bills, title, mobile, document_kind,"
        " document_hint) VALUES (:id, 'planted', '', '', false, false, false, false,"
        " false, '', '', '', '')"
    )
    for statement in (insert, "UPDATE contact SET customer_id = :id"):
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction(sessions, Scope.customer("x", customers["A"])) as session,
        ):
            session.execute(text(statement), {"id": customers["B"]})
    with transaction(sessions, Scope.customer("x", customers["A"])) as session:
        for statement in ("UPDATE contact SET name = 'x'", "DELETE FROM contact"):
            reached = session.execute(
                text(f"{statement} WHERE customer_id = :id RETURNING id"), {"id": customers["B"]}
            )
            assert reached.all() == []
        # The control: one's own row can be written.
        session.execute(text(insert), {"id": customers["A"]})


def test_the_scope_ends_with_its_transaction(
    clean_database: Database, customers: dict[str, int]
) -> None:
    """One pooled connection: who comes next doesn't inherit whose rows were seen."""
    engine = make_engine(clean_database.app_url, pool_size=1)
    one_by_one = make_sessions(engine)
    for scope in (Scope.staff("x"), Scope.customer("x", customers["A"])):
        with transaction(one_by_one, scope) as session:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
            assert seen(session)
        with one_by_one() as session:
            assert session.scalar(text("SELECT pg_backend_pid()")) == backend
            assert seen(session) == set()
    # Within one session, too: after a commit the scope is announced anew, not left over.
    with one_by_one() as session:
        session.use_scope(Scope.customer("x", customers["A"]))
        assert seen(session) == {"A"}
        session.commit()
        assert seen(session) == {"A"}
        session.use_scope(Scope.customer("x", customers["B"]))
        assert seen(session) == {"B"}
    engine.dispose()


def test_a_setting_for_the_whole_connection_would_leak(
    clean_database: Database, customers: dict[str, int]
) -> None:
    """The control: this is why the setting is local to its transaction."""
    engine = make_engine(clean_database.app_url, pool_size=1)
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('jifang.staff', 'yes', false)"))
        connection.commit()
    with make_sessions(engine)() as session:
        assert seen(session) == set(TWO)
    engine.dispose()


def test_nonsense_in_the_setting_shows_nothing(
    sessions: SessionFactory, customers: dict[str, int]
) -> None:
    with sessions() as session:
        session.execute(text("SELECT set_config('jifang.customer', '', true)"))
        session.execute(text("SELECT set_config('jifang.staff', 'no', true)"))
        assert seen(session) == set()


def test_superuser_sees_all_so_there_was_something_to_hide(
    admin: Engine, customers: dict[str, int]
) -> None:
    """The control: the rows are there, and the owner too would be stopped (forced)."""
    with admin.connect() as connection:
        assert set(connection.scalars(text("SELECT name FROM contact"))) == set(TWO)


def test_the_owner_is_not_above_the_rule(
    clean_database: Database, customers: dict[str, int]
) -> None:
    engine = create_engine(clean_database.owner_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM contact")) == 0
    engine.dispose()
