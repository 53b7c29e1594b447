"""Whoever loses the database while it signs leaves alone what another has issued since."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements.files import produce_file, read_file
from dcim.statements.issuing import freeze_statement
from dcim.statements.models import Statement
from reports import sign as signing
from tests.integration.statements.town import PERIOD, SYSTEM, build_town


def test_an_issued_file_is_not_written_over(
    sessions: SessionFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions, SYSTEM) as session:
        contract_id = build_town(session)[0]
        statement_id = freeze_statement(session, SYSTEM, settings, contract_id, PERIOD)[0].id
    issued: list[bytes] = []
    backends: list[int] = []
    real_sign = signing.sign

    def lose_the_database(*given: object, **more: object) -> bytes:
        monkeypatch.setattr(signing, "sign", real_sign)
        with transaction(sessions, SYSTEM) as session:
            session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backends[0]})
            produce_file(session, SYSTEM, settings, session.get_one(Statement, statement_id))
        with transaction(sessions, SYSTEM) as session:
            issued.append(read_file(session, SYSTEM, settings, statement_id))
        return real_sign(*given, **more)  # type: ignore[arg-type]

    def issue() -> None:
        with transaction(sessions, SYSTEM) as session:
            backends.extend(session.scalars(text("SELECT pg_backend_pid()")))
            produce_file(session, SYSTEM, settings, session.get_one(Statement, statement_id))

    monkeypatch.setattr(signing, "sign", lose_the_database)
    with pytest.raises(DBAPIError):
        issue()
    with transaction(sessions, SYSTEM) as session:
        assert [read_file(session, SYSTEM, settings, statement_id)] == issued
