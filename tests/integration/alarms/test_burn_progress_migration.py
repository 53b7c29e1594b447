"""How far what counts is known is kept by contract from now on, and what was seen stays as it was
both ways."""

import datetime as dt

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from dcim import schema
from dcim.customers.models import Contract, ContractItem
from dcim.db import make_engine, make_sessions
from dcim.postgres import EmbeddedServer
from dcim.sla.burn_models import BurnedStretch, BurnProgress, BurnRound
from tests.integration.alarms.conftest import STAFF
from tests.integration.conftest import TEMPLATE
from tests.integration.web.boards import House
from tests.servers import fresh_database

AT = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
MS = dt.timedelta(milliseconds=1)


def test_nothing_is_known_before_what_was_written_last(server: EmbeddedServer) -> None:
    before = ScriptDirectory.from_config(schema.alembic_config()).get_revision("0055").down_revision
    assert isinstance(before, str)
    with fresh_database(server, "burn_progress_before", template=TEMPLATE) as own:
        owner, engine = make_engine(own.owner_url, pool_size=1), make_engine(own.app_url)
        with make_sessions(engine)() as session:
            session.use_scope(STAFF)
            house = House(session)
            for tag in "AB":
                house.add_tenant(tag)
            burnt, other = session.scalars(select(Contract).order_by(Contract.id))
            item = session.scalars(
                select(ContractItem.id).where(ContractItem.contract_id == burnt.id)
            ).first()
            session.add(BurnRound(id=1, since=AT, until=AT))
            session.add(
                BurnedStretch(
                    customer_id=burnt.customer_id, contract_item_id=item, metric="network",
                    left_share=0.001, started_at=AT, ended_at=AT + MS, known_at=AT,
                )
            )  # fmt: skip
            # The later of all, and one that is behind: both are nobody's matter before.
            late = AT + dt.timedelta(minutes=3)
            session.add(
                BurnProgress(contract_id=burnt.id, customer_id=burnt.customer_id, known_at=late)
            )
            session.add(
                BurnProgress(contract_id=other.id, customer_id=other.customer_id, until=AT - MS)
            )
            session.commit()
            key = burnt.id
        engine.dispose()
        with owner.begin() as connection:
            command.downgrade(schema.alembic_config(connection), before)
        with owner.begin() as connection:
            row = connection.execute(
                text("SELECT until, known_at, last_contract_id FROM burn_round")
            ).one()
            assert tuple(row) == (AT, late, 0)
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0055")
        with owner.begin() as connection:
            connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
            rows = connection.execute(
                text("SELECT contract_id, until, known_at, problem FROM burn_progress")
            ).all()
            # Of those that have anything; the other one is as far as all are.
            assert [tuple(one) for one in rows] == [(key, None, late, "")]
        owner.dispose()
