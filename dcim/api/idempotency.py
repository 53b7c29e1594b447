"""A POST sent twice is done once: the answer to an Idempotency-Key is kept and told again."""

import hashlib
from typing import Any

from flask import Flask, Response, g, request
from flask_login import current_user
from sqlalchemy import select, text

from dcim.errors import ConflictError, InvalidError
from dcim.http.database import before_commit, db_session
from dcim.records.models import IdempotentAnswer

HEADER = "Idempotency-Key"
LONGEST = 100
# What is told again with the body, until a daily job forgets it (`dcim.records.purging`).
KEPT_HEADERS = ("ETag", "Location", "Content-Type")


def init_idempotency(app: Flask) -> None:
    """Register after the policy's guard: who calls must be known first."""
    app.before_request(_replay)


def _replay() -> Response | None:
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST" or not request.path.startswith("/api/"):
        return None
    if not current_user.is_authenticated:
        return None
    if not 1 <= len(key) <= LONGEST or not key.isprintable():
        raise InvalidError(
            "An idempotency key has 1 to %(count)s visible characters.",
            {HEADER: ["length"]},
            count=LONGEST,
        )
    session = db_session()
    user_id = current_user.id
    # Two sent at once: the second waits here until the first is done.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, :user))"),
        {"key": key, "user": user_id},
    )
    digest = _digest()
    known = session.scalar(
        select(IdempotentAnswer).where(
            IdempotentAnswer.user_id == user_id, IdempotentAnswer.key == key
        )
    )
    if known is None:
        g.idempotent = (user_id, key, digest)
        before_commit(_keep)
        return None
    if known.request != digest:
        raise ConflictError("This idempotency key was used for another request. Take a new one.")
    headers = {**known.headers, "Idempotency-Replayed": "true"}
    return Response(known.body, known.status, headers)


def _digest() -> str:
    parts = (request.method.encode(), request.full_path.encode(), request.get_data())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _keep(answer: Response) -> None:
    """In the request's own transaction: what was undone is not told again."""
    if not 200 <= answer.status_code < 300 or answer.is_streamed:
        return
    user_id, key, digest = g.idempotent
    headers: dict[str, Any] = {
        name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers
    }
    session = db_session()
    session.add(
        IdempotentAnswer(
            user_id=user_id,
            key=key,
            request=digest,
            status=answer.status_code,
            body=answer.get_data(),
            headers=headers,
        )
    )
    session.flush()
