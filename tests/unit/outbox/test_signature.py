"""The signature as a receiver checks it, by what docs/operations.md says and no code of ours."""

import hashlib
import hmac
import re

import pytest

from dcim.outbox.backoff import MOST_ATTEMPTS, WAITS_S, wait_after
from dcim.outbox.signature import sign

SECRET = "sixteen characters"
BODY = '{"event":"test","名":"值"}'.encode()


def check(header: str, body: bytes, secret: str = SECRET) -> bool:
    parts = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header)
    assert parts is not None
    wanted = hmac.new(secret.encode(), parts[1].encode() + b"." + body, hashlib.sha256)
    return hmac.compare_digest(wanted.hexdigest(), parts[2])


def test_a_receiver_can_check_it() -> None:
    header = sign(SECRET, 1_793_498_400, BODY)
    assert check(header, BODY)
    assert not check(header, BODY + b" ")
    assert not check(header, BODY, "another secret here")
    # An old one isn't made new by its time.
    assert not check(header.replace("t=1793498400", "t=1793498401"), BODY)


def test_known_value() -> None:
    """By OpenSSL: printf '1.x' | openssl dgst -sha256 -hmac k"""
    wanted = "976cb87e4f568d1c0f03f32859e90af8597cf00b978ba37c229c97d3a15b8449"
    assert sign("k", 1, b"x") == f"t=1,v1={wanted}"


@pytest.mark.parametrize("attempts", range(1, MOST_ATTEMPTS + 1))
def test_waits_grow_until_it_is_given_up(attempts: int) -> None:
    wait = wait_after(attempts)
    assert (wait is None) == (attempts == MOST_ATTEMPTS)
    if 1 < attempts < MOST_ATTEMPTS:
        before = wait_after(attempts - 1)
        assert wait is not None
        assert before is not None
        assert wait >= before


def test_a_weekend_without_a_mail_server_loses_nothing() -> None:
    assert sum(WAITS_S) > 60 * 3600
