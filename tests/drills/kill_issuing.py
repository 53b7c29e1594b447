"""kill -9 of the process that issues a month, at random moments, until it gets through.

Again and again over fresh months' worth of work: every contract must end with exactly one
statement, its ledger lines and its file; no file without a row, no registered hash that its file
doesn't have. Issued statements are wiped between the runs by a superuser.
"""

import base64
import hashlib
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import create_engine, func, select, text

from dcim.config import EncryptionKeys, Settings
from dcim.db import make_engine, make_sessions, transaction
from dcim.statements.models import LedgerEntry, Statement, StatementFile
from tests.drills.outcome import Outcome, Say
from tests.integration.conftest import TEMPLATE, migrate
from tests.integration.statements.town import SYSTEM, build_town, start_issuer
from tests.servers import build_template, fresh_database, scratch_server

ROUNDS = 100
CUSTOMERS = 4
LONGEST_S = 4.0
WIPE = "TRUNCATE statement, statement_file, ledger_entry CASCADE"


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    kills = 0
    completed = issued = 0
    faults: list[str] = []
    wanted = rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        data = Path(directory) / "instance"
        for folder in ("keys", "statements"):
            (data / folder).mkdir(parents=True, mode=0o700)
        with scratch_server(Path(directory)) as server:
            build_template(server, TEMPLATE, migrate)
            with fresh_database(server, "drill", template=TEMPLATE) as database:
                settings = Settings(
                    data=data,
                    secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
                    encryption=EncryptionKeys(
                        "k1",
                        {"k1": base64.b64decode("3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=")},
                    ),
                    database_url=database.app_url,
                    owner_database_url=database.owner_url,
                )
                engine = make_engine(database.app_url)
                sessions = make_sessions(engine)
                with transaction(sessions, SYSTEM) as session:
                    contracts = build_town(session, CUSTOMERS)
                while kills < wanted or completed == 0:
                    process = start_issuer(settings)
                    assert process.stdout is not None
                    process.stdout.readline()
                    if kills < wanted:
                        time.sleep(draw.uniform(0.0, LONGEST_S))
                        if process.poll() is None:
                            os.kill(process.pid, signal.SIGKILL)
                            kills += 1
                    said = process.stdout.read()
                    process.communicate()
                    if "done" not in said:
                        say(f"{kills} kills, {completed} months through")
                        continue
                    completed += 1
                    with transaction(sessions, SYSTEM) as session:
                        found = session.execute(
                            select(
                                Statement.contract_id,
                                Statement.number,
                                Statement.total,
                                StatementFile.sha256,
                                func.sum(LedgerEntry.amount),
                            )
                            .outerjoin(StatementFile, StatementFile.statement_id == Statement.id)
                            .outerjoin(LedgerEntry, LedgerEntry.statement_id == Statement.id)
                            .group_by(Statement.id, StatementFile.sha256)
                        ).all()
                    issued += len(found)
                    faults += judge(found, contracts, settings)
                    admin = create_engine(database.admin_url)
                    with admin.begin() as connection:
                        connection.execute(text("SET LOCAL session_replication_role = replica"))
                        connection.execute(text(WIPE))
                    admin.dispose()
                    for path in settings.statements_folder.iterdir():
                        path.unlink()
                    say(f"{kills} kills, {completed} months through, {len(faults)} faults")
                engine.dispose()
    return Outcome(
        passed=not faults and issued > 0,
        figures=[
            ("Kills", str(kills)),
            ("Months that got through", str(completed)),
            ("Statements checked", str(issued)),
            ("Lost, double, orphaned or with another hash", str(len(faults))),
        ],
    )


def judge(rows: Sequence[Any], contracts: list[int], settings: Settings) -> list[str]:
    """What is wrong with a month that got through, in words."""
    faults = []
    if sorted(row[0] for row in rows) != sorted(contracts):
        faults.append("a contract has no statement, or two")
    files = {path.name for path in settings.statements_folder.iterdir()}
    if files != {f"{row[1]}.pdf" for row in rows}:
        faults.append("files and statements differ")
    for _, number, total, sha256, lines in rows:
        path = settings.statements_folder / f"{number}.pdf"
        if total != lines:
            faults.append(f"{number}: the lines don't add up")
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            faults.append(f"{number}: the file is not the registered one")
    return faults
