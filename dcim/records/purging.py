"""What is kept for a time only: forgotten by one daily job when its time is over."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from dcim.columns import utc_now
from dcim.records.deletions import purge_deleted
from dcim.records.models import IdempotentAnswer, ImportRun

# Whoever repeats a request does so within minutes; a day leaves room for an outage.
ANSWERS_KEPT = dt.timedelta(days=1)
# Sheets hold what customers' people are called; what came of them is in the audit log.
IMPORTS_KEPT = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Purged:
    """How many of each were forgotten."""

    deletions: int
    answers: int
    imports: int


def purge_kept(session: Session, now: dt.datetime | None = None) -> Purged:
    """Forget deletions after 30 days, answers to repeated requests after one, imports after 30."""
    now = now or utc_now()
    return Purged(
        deletions=purge_deleted(session),
        answers=_forget(session, IdempotentAnswer, IdempotentAnswer.at, now - ANSWERS_KEPT),
        imports=_forget(session, ImportRun, ImportRun.created_at, now - IMPORTS_KEPT),
    )


def _forget(session: Session, model: Any, column: Any, before: dt.datetime) -> int:
    done = session.execute(
        delete(model).where(column < before), execution_options={"synchronize_session": False}
    )
    return int(getattr(done, "rowcount", 0))
