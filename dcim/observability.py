"""Logs as events with request and job ids, and the process's metrics."""

import contextvars
import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

# Who asked and which piece of work: logs and the audit log carry both.
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
source_address: contextvars.ContextVar[str] = contextvars.ContextVar("source_address", default="")

HTTP_REQUESTS = Counter(
    "jifang_http_requests_total", "Requests answered.", ["endpoint", "method", "status"]
)
HTTP_SECONDS = Histogram("jifang_http_request_seconds", "Time to answer.", ["endpoint"])

# Words that name a secret wherever they stand in an event's key.
SECRET_WORDS = ("password", "secret", "token", "community", "passphrase", "authorization", "cookie")
# API tokens and the secrets in calendars' addresses (dcim.accounts).
SECRET_FORM = re.compile(r"(jf(?:cal)?_)[A-Za-z0-9_-]{43}")


def hide_secrets(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank every value whose key names a secret, and what has the form of one in any text; the
    last gate, not the only one."""
    for key, value in event.items():
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = "[hidden]"
        elif isinstance(value, str):
            event[key] = SECRET_FORM.sub(r"\1[hidden]", value)
    return event


def add_ids(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if value := request_id.get():
        event.setdefault("request", value)
    return event


def configure_logging(level: str, *, as_json: bool, process: str) -> None:
    """Send structlog's and the libraries' records to stderr in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        add_ids,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    # Plain tracebacks: what shows the local variables takes seconds, and shows secrets.
    renderers: list[Any] = (
        [
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These two tell every step at INFO; what they do is seen in our own events.
    for noisy in ("alembic", "apscheduler", "procrastinate", "fontTools", "weasyprint", "pyhanko"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.contextvars.bind_contextvars(process=process)


@contextmanager
def work_on(name: str) -> Iterator[None]:
    """Give a job's logs and audit entries its name as their request id."""
    mark = request_id.set(name)
    try:
        yield
    finally:
        request_id.reset(mark)
