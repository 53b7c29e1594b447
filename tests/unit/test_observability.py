"""Logs: an exception is told with its traceback, fast, and without what its variables held."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import pytest
import structlog

from dcim.db import make_engine
from dcim.observability import configure_logging

SECRET = "correct-horse-battery"
Configure = Callable[[bool], io.StringIO]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Sets logging up as a process does; what it then writes. Undone afterwards."""
    root = logging.getLogger()
    handlers, level, context = root.handlers[:], root.level, structlog.contextvars.get_contextvars()

    def configure(as_json: bool) -> io.StringIO:
        out = io.StringIO()
        monkeypatch.setattr(sys, "stderr", out)
        configure_logging("INFO", as_json=as_json, process="test")
        return out

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**context)


def fail(depth: int, passphrase: str, held: list[Any]) -> None:
    if depth == 0:
        raise ValueError("the reason")
    fail(depth - 1, passphrase, held)


def log_failure(log: Callable[[BaseException], None]) -> float:
    """Seconds that telling a deep failure with much in its variables takes."""
    held = [{"numbers": list(range(1000))} for _ in range(200)]
    try:
        # Put together here, so that no line of source shows it.
        fail(30, "-".join(SECRET.split("-")), held)
    except ValueError as error:
        began = perf_counter()
        log(error)
        return perf_counter() - began
    raise AssertionError


def by_structlog(error: BaseException) -> None:
    structlog.get_logger().error("unexpected error", exc_info=error)


def by_logging(error: BaseException) -> None:
    logging.getLogger("a.library").error("unexpected error", exc_info=error)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("log", [by_structlog, by_logging])
def test_a_traceback_is_plain_and_fast(
    logged: Configure, as_json: bool, log: Callable[[BaseException], None]
) -> None:
    out = logged(as_json)
    seconds = log_failure(log)
    text = out.getvalue()
    assert seconds < 0.5
    assert "Traceback (most recent call last)" in text
    assert "ValueError: the reason" in text
    assert "in fail" in text
    assert SECRET not in text
    if as_json:
        assert json.loads(text)["event"] == "unexpected error"


def test_the_formatter_left_out_would_have_told_the_variables(logged: Configure) -> None:
    """The control: structlog's own choice shows what the variables hold."""
    out = logged(False)
    (handler,) = logging.getLogger().handlers
    formatter = handler.formatter
    assert isinstance(formatter, structlog.stdlib.ProcessorFormatter)
    formatter.processors = (
        formatter.processors[0],
        structlog.dev.ConsoleRenderer(colors=False),
    )
    log_failure(by_structlog)
    assert SECRET in out.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("kind", ["jf_", "jfcal_"])
def test_what_has_the_form_of_a_secret_is_not_told(
    logged: Configure, as_json: bool, kind: str
) -> None:
    out, secret = logged(as_json), kind + "Ab-_" * 10 + "xyz"
    logging.getLogger("a.library").warning("GET /portal/calendar/%s.ics", secret)
    structlog.get_logger().info("seen", path=f"/x/{secret}?y", count=3)
    text = out.getvalue()
    assert secret not in text
    assert "Ab-_" not in text
    assert text.count(f"{kind}[hidden]") == 2
    # The control: what has another form is told.
    structlog.get_logger().info("seen", path=secret[:-1])
    assert secret[:-1] in out.getvalue()


def test_what_a_statement_was_given_is_not_told() -> None:
    assert make_engine("postgresql+psycopg://nobody@localhost/none").hide_parameters
