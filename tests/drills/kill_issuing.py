"""kill -9 of the two processes that issue a month at once, at random moments, until one gets by.

Again and again over fresh months' worth of work: every contract must end with exactly one
statement, its ledger lines and its file; no file without a row, no registered hash that its file
doesn't have. Half of the contracts have credits on claim that go to the next statement, and take
those of the month before: each must be there once, none lost, none doubled. The month's statements
are wiped between the runs by a superuser; the month before stays.
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
from tests.integration.statements.owing import build_owing_town, judge_money, read_lines
from tests.integration.statements.town import PERIOD, SYSTEM, start_issuer
from tests.servers import build_template, fresh_database, scratch_server

ROUNDS = 100
CUSTOMERS = 4
LONGEST_S = 8.0
ISSUERS = 2
OF_STATEMENTS = ("statement_file", "ledger_entry", "statement_result", "statement_cause")
WIPE = [
    *(
        f"DELETE FROM {table} t USING statement s WHERE s.id = t.statement_id AND s.period = :p"  # noqa: S608
        for table in OF_STATEMENTS
    ),
    "DELETE FROM statement WHERE period = :p",
]


def run(draw: Random, rounds: int | None, say: Say) -> Outcome:
    kills = 0
    completed = issued = credited = 0
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
                    contracts = build_owing_town(session, settings, CUSTOMERS)
                while kills < wanted or completed == 0:
                    killed, through = run_together(settings, draw, wanted - kills)
                    kills += killed
                    if not through:
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
                                Statement.samples_sha256,
                                func.sum(LedgerEntry.amount),
                            )
                            .outerjoin(StatementFile, StatementFile.statement_id == Statement.id)
                            .outerjoin(LedgerEntry, LedgerEntry.statement_id == Statement.id)
                            .where(Statement.period == PERIOD)
                            .group_by(Statement.id, StatementFile.sha256)
                        ).all()
                        money = read_lines(session)
                    issued += len(found)
                    wrong = judge(found, contracts, settings) + judge_money(money, contracts)
                    for fault in wrong:
                        say(fault)
                    faults += wrong
                    credited += len(money)
                    admin = create_engine(database.admin_url)
                    with admin.begin() as connection:
                        connection.execute(text("SET LOCAL session_replication_role = replica"))
                        for wipe in WIPE:
                            connection.execute(text(wipe), {"p": PERIOD})
                    admin.dispose()
                    for path in settings.statements_folder.iterdir():
                        path.unlink()
                    say(f"{kills} kills, {completed} months through, {len(faults)} faults")
                engine.dispose()
    return Outcome(
        passed=not faults and issued > 0 and credited > 0,
        figures=[
            ("Kills", str(kills)),
            ("Months that got through", str(completed)),
            ("Statements checked", str(issued)),
            ("Lines of credits checked, earned, left and taken", str(credited)),
            ("Lost, double, orphaned or with another hash", str(len(faults))),
        ],
    )


def run_together(settings: Settings, draw: Random, most: int) -> tuple[int, bool]:
    """Two issuers of the month at once, killed at moments of their own, `most` of them. (How many
    were killed, whether one got through.)"""
    issuers = [start_issuer(settings) for _ in range(ISSUERS)]
    moments = []
    for issuer in issuers:
        assert issuer.stdout is not None
        issuer.stdout.readline()
        moments.append(time.monotonic() + draw.uniform(0.0, LONGEST_S))
    killed = 0
    for moment, issuer in sorted(zip(moments, issuers, strict=True), key=lambda one: one[0])[:most]:
        time.sleep(max(moment - time.monotonic(), 0))
        if issuer.poll() is None:
            os.kill(issuer.pid, signal.SIGKILL)
            killed += 1
    said = [issuer.communicate()[0] for issuer in issuers]
    return killed, any("done" in one for one in said)


def judge(rows: Sequence[Any], contracts: list[int], settings: Settings) -> list[str]:
    """What is wrong with a month that got through, in words."""
    faults = []
    if sorted(row[0] for row in rows) != sorted(contracts):
        faults.append("a contract has no statement, or two")
    files = {path.name for path in settings.statements_folder.iterdir()}
    if files != {f"{row[1]}{end}" for row in rows for end in (".pdf", ".samples.zip")}:
        faults.append(f"files and statements differ: {sorted(files)}")
    for _, number, total, sha256, samples, lines in rows:
        if total != lines:
            faults.append(f"{number}: the lines don't add up")
        for end, registered in ((".pdf", sha256), (".samples.zip", samples)):
            path = settings.statements_folder / f"{number}{end}"
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != registered:
                faults.append(f"{path.name}: the file is not the registered one")
    return faults
