"""The public verify page: what it refuses, what it says, and that it keeps nothing."""

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.statements import verifier
from dcim.web.public import verify as page_module
from dcim.web.public.limiting import SourceLimit
from tests.integration.statements.revising_desk import RevisionDesk
from tests.integration.statements.town import SYSTEM


@pytest.fixture
def visitor(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(page_module, "attempts", SourceLimit(10, 600))
    return app.test_client()


def upload(client: FlaskClient, content: bytes | None, name: str = "x.pdf") -> Any:
    page = client.get("/verify?lang=en").get_data(as_text=True)
    token = page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    data: dict[str, Any] = {"csrf_token": token}
    if content is not None:
        data["file"] = (io.BytesIO(content), name)
    return client.post("/verify", data=data, content_type="multipart/form-data")


def test_anybody_may_open_it(visitor: FlaskClient) -> None:
    assert visitor.get("/verify").status_code == 200


def test_without_the_csrf_token_it_is_refused(visitor: FlaskClient) -> None:
    data = {"file": (io.BytesIO(b"%PDF-1.7"), "x.pdf")}
    answer = visitor.post("/verify", data=data, content_type="multipart/form-data")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (None, 422),
        (b"", 422),
        (b"<html>", 415),
        (b"PK\x03\x04" + b"\0" * 900, 415),
        (b"%PDF-" + b"\0" * 1000, 413),
    ],
)
def test_what_is_no_pdf_or_too_large_never_reaches_the_verifier(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch, content: bytes | None, status: int
) -> None:
    def unreachable(*args: object, **options: object) -> None:
        raise AssertionError("must not be verified")

    monkeypatch.setattr(page_module, "verify_apart", unreachable)
    monkeypatch.setattr(page_module, "LARGEST_BYTES", 1004)
    assert upload(visitor, content).status_code == status


def test_a_body_beyond_the_limit_of_the_app_is_refused(app: Flask, visitor: FlaskClient) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    assert upload(visitor, b"%PDF-" + b"\0" * 20_000).status_code == 413


def test_garbage_after_the_magic_is_told_in_words(visitor: FlaskClient) -> None:
    answer = upload(visitor, b"%PDF-1.7\n" + b"garbage" * 500, '<b>"x".pdf')
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "not a statement of ours" in page or "signature is missing" in page
    assert "<b>&#34;x" not in page
    assert "&lt;b&gt;" in page


def test_the_verdict_names_the_numbers_that_do_not_hold(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        page_module,
        "verify_apart",
        lambda pdf, trust: {
            "outcome": "numbers",
            "number": "SLA-X",
            "revision": 1,
            "file_sha256": "1" * 64,
            "signer": {"name": "CN=<i>", "fingerprint": "2" * 64},
            "checks": [{"key": "k", "state": "failed", "text": {"zh": "坏", "en": "bad"}}],
            "differences": [{"path": "totals.total", "stated": "<u>1</u>", "computed": "2"}],
        },
    )
    page = upload(visitor, b"%PDF-1.7").get_data(as_text=True)
    assert "totals.total" in page
    assert "<u>1</u>" not in page
    assert "&lt;u&gt;1&lt;/u&gt;" in page
    assert "not registered here" in page


def test_a_genuine_file_that_was_replaced_is_told_so(
    visitor: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    sessions: SessionFactory,
    settings: Settings,
) -> None:
    """By the registry alone: the file itself can't know."""
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk(session, settings)
        sha256 = f"{desk.issued.id:064x}"
    verdict = {
        "outcome": "trusted", "number": "SLA-202610-HT-3-01", "revision": 1,
        "file_sha256": sha256, "signer": {}, "differences": [],
        "checks": [
            {"key": "revision", "state": "unknown", "text": {"zh": "未知", "en": "not known"}}
        ],
    }  # fmt: skip
    monkeypatch.setattr(page_module, "verify_apart", lambda pdf, trust: verdict)
    page = upload(visitor, b"%PDF-1.7").get_data(as_text=True)
    assert "It is the newest revision." in page
    assert "not known" not in page
    with transaction(sessions, SYSTEM) as session:
        desk = RevisionDesk.reopen(session, settings, desk.issued.id)
        desk.decide("down")
        desk.correct()
    page = upload(visitor, b"%PDF-1.7").get_data(as_text=True)
    for said in ("Genuine, but replaced by a newer revision", "A newer revision, 2, replaces it."):
        assert said in page


def test_one_source_is_braked_and_another_is_not(
    app: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "attempts", SourceLimit(2, 600))
    assert [upload(visitor, b"x").status_code for _ in range(3)] == [415, 415, 429]
    assert int(upload(visitor, b"x").headers["Retry-After"]) > 0


def test_a_second_file_at_once_is_asked_to_wait(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page_module.at_work.acquire(blocking=False)
    try:
        assert upload(visitor, b"%PDF-1.7").status_code == 429
    finally:
        page_module.at_work.release()


def test_a_file_that_takes_too_long_is_given_up(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is killed, and the turn is free again."""
    monkeypatch.setattr(
        page_module,
        "verify_apart",
        lambda pdf, trust: verifier.verify_apart(pdf, trust, wall_s=0.01),
    )
    assert upload(visitor, b"%PDF-1.7").status_code == 422
    assert page_module.at_work.acquire(blocking=False)
    page_module.at_work.release()


def test_the_verifier_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    seen: dict[str, str] = {}

    def look(*args: Any, env: dict[str, str], **options: Any) -> None:
        seen.update(env)
        raise subprocess.TimeoutExpired("x", 1)

    monkeypatch.setenv("DCIM_SECRET_KEY", "SECRET")
    monkeypatch.setattr(subprocess, "run", look)
    with pytest.raises(verifier.VerifierLostError):
        verifier.verify_apart(b"", [])
    assert seen
    assert not any(name.startswith("DCIM") for name in seen)


def test_the_limit_forgets_in_time() -> None:
    now = [0.0]
    limit = SourceLimit(1, 60, clock=lambda: now[0])
    assert limit.take("a") == 0
    assert limit.take("a") == 60
    assert limit.take("b") == 0
    now[0] = 61
    assert limit.take("a") == 0
