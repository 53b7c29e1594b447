"""October of the third customer, issued, and the two people who may correct it."""

from typing import Any, Self

import numpy as np
from sqlalchemy import func, select

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.metering.batch import Batch
from dcim.metering.families import STATE
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.statements.issuing import freeze_statement
from dcim.statements.models import LedgerEntry, Statement, StatementFile
from dcim.statements.revising import (
    decide_revision,
    preview_revision,
    propose_revision,
)
from dcim.statements.revision_models import RevisionProposal
from tests.integration.statements.test_review_decisions import SILENT, DecisionDesk
from tests.integration.statements.town import PERIOD, START, STEP_MS, SYSTEM

REASON = "上联口核实为中断"


class RevisionDesk(DecisionDesk):
    """`issued` is revision 1: left open, because 80 minutes went unmeasured."""

    def __init__(self, session: ScopedSession, settings: Settings) -> None:
        super().__init__(session, settings)
        self.issued, _ = freeze_statement(session, SYSTEM, settings, self.contract.id, PERIOD)
        self.give_file(self.issued)

    @classmethod
    def reopen(cls, session: ScopedSession, settings: Settings, statement_id: int) -> Self:
        """In another transaction than the one that made it."""
        desk = cls.__new__(cls)
        desk.session, desk.settings = session, settings
        desk.ann, desk.bob = (Scope.staff(f"{name}@example.com") for name in ("ann", "bob"))
        desk.issued = session.get_one(Statement, statement_id)
        desk.contract = desk.issued.contract
        return desk

    def give_file(self, statement: Statement) -> None:
        """In place of rendering."""
        self.session.add(
            StatementFile(
                statement_id=statement.id, customer_id=statement.customer_id,
                sha256=f"{statement.id:064x}", unsigned_sha256="0" * 64, size=1, pages=1,
                signer="0" * 64,
            )
        )  # fmt: skip
        self.session.flush()

    def preview(self, statement: Statement | None = None) -> Any:
        found = statement or self.issued
        return preview_revision(self.session, self.ann, self.settings, found.id)

    def propose_correction(
        self, statement: Statement | None = None, scope: Scope | None = None, **given: Any
    ) -> RevisionProposal:
        base = statement or self.issued
        seen = given.pop("seen", None) or self.preview(base).sha256
        return propose_revision(
            self.session, scope or self.ann, self.settings, base.id, seen,
            given.pop("reason", REASON), **given,
        )  # fmt: skip

    def accept(self, proposal: RevisionProposal, scope: Scope | None = None) -> Statement:
        row = decide_revision(
            self.session, scope or self.bob, self.settings, proposal.id, "accepted", "与日志相符"
        )
        return self.session.get_one(Statement, row.issued_id)

    def correct(self, statement: Statement | None = None) -> Statement:
        return self.accept(self.propose_correction(statement))

    def ledger(self, statement: Statement | None = None, *, contract: bool = False) -> Any:
        """The sum of a statement's lines, or of all the contract's."""
        what = (
            LedgerEntry.contract_id == self.contract.id
            if contract
            else LedgerEntry.statement_id == (statement or self.issued).id
        )
        return self.session.scalar(select(func.sum(LedgerEntry.amount)).where(what))

    def measure_late(self, minutes: range = SILENT, state: int = 1) -> None:
        bring_samples(self.session, minutes, state)


def bring_samples(session: ScopedSession, minutes: range = SILENT, state: int = 1) -> None:
    """What a collector that was cut off brings later, of the third customer's port."""
    port = session.scalars(select(Port.id).where(Port.name == "ge3")).one()
    series = session.scalars(
        select(Series.id).where(Series.port_id == port, Series.family == "state")
    ).one()
    ts = START + np.array(minutes, dtype=np.int64) * STEP_MS
    batch = Batch.from_arrays(
        STATE,
        np.full(ts.size, series),
        ts,
        {"state": np.full(ts.size, state)},
        span_ms=np.zeros(ts.size, dtype=np.int64),
    )
    PostgresSampleStore().load_days(session, batch, int(ts[-1]) + STEP_MS)
