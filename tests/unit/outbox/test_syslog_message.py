"""Syslog: what RFC 5424's grammar says it is, whatever is in it."""

import datetime as dt
import re
from typing import Any

import pytest

from dcim.outbox.syslog_message import BOM, frame, severity_of, write_syslog

AT = dt.datetime(2026, 11, 1, 2, 4, 5, 678_901, tzinfo=dt.UTC)
# RFC 5424 6, as an expression of our own.
GRAMMAR = re.compile(
    rb"<(?P<pri>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"
    rb" (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<pid>-) (?P<msgid>[!-~]{1,32})"
    rb" \[(?P<id>[!#-<>-Z^-~\\]{1,32})"
    rb'(?P<params>(?: [!#-<>-Z^-~\\]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\]'
    rb" \xef\xbb\xbf(?P<msg>.*)",
    re.DOTALL,
)
PARAM = re.compile(r' ([^=]+)="((?:[^"\\\]]|\\["\\\]])*)"')


def write(data: dict[str, Any] | None = None, words: str = "已出具", **given: Any) -> bytes:
    values: dict[str, Any] = {
        "severity": 6, "created_at": AT, "host": "idc-1", "event": "statement.issued",
        "data": data or {}, "words": words, "most_bytes": 2048,
    }  # fmt: skip
    return write_syslog(**values | given)


def read(message: bytes) -> tuple[re.Match[bytes], dict[str, str]]:
    found = GRAMMAR.fullmatch(message)
    assert found is not None, message
    params = {
        name: re.sub(r'\\(["\\\]])', r"\1", value)
        for name, value in PARAM.findall(found["params"].decode())
    }
    return found, params


def test_what_it_looks_like() -> None:
    message = write(
        {"id": "6f1c", "statement": {"number": "SLA-1", "total": "3000.00"}}, "标题\n正文"
    )
    assert (
        message
        == (
            b"<134>1 2026-11-01T02:04:05.678Z idc-1 Jifang - statement.issued"
            b' [jifang@32473 id="6f1c" statement.number="SLA-1" statement.total="3000.00"] '
        )
        + BOM
        + "标题 / 正文".encode()
    )
    found, params = read(message)
    assert int(found["pri"]) == 16 * 8 + 6
    assert params["statement.number"] == "SLA-1"


HOSTILE = 'a"] [x@1 y="z"]\n<0>1 - - - - - - forged \\ \x00\u2028 中文'


def test_nothing_in_it_ends_it() -> None:
    message = write({'na me=]"': HOSTILE, "n" * 80: "x", "中": "no name"}, HOSTILE, host="ho st")
    found, params = read(message)
    assert b"\n" not in message
    assert params["name"] == 'a"] [x@1 y="z"] / <0>1 - - - - - - forged \\ / 中文'
    assert found["host"] == b"host"
    assert params["n" * 32] == "x"
    assert "no name" not in params.values()


def test_the_grammar_notices() -> None:
    """The control: unescaped it would not be one."""
    broken = write({"name": "VALUE"}).replace(b"VALUE", b'a"] x')
    assert GRAMMAR.fullmatch(broken) is None


def test_nothing_that_is_no_single_value() -> None:
    _found, params = read(write({"a": None, "b": [1], "c": {"d": {"e": 1}}, "f": True, "g": 2}))
    assert params == {"c.d.e": "1", "f": "True", "g": "2"}


@pytest.mark.parametrize("most", [480, 2048])
@pytest.mark.parametrize("word", ["告警", "🚨", "ab ", "e"])
def test_cut_on_a_character(most: int, word: str) -> None:
    data = {f"key{number}": "值" * 300 for number in range(20)}
    message = write(data, word * 4000, most_bytes=most)
    assert len(message) <= most
    found, _params = read(message)
    said = found["msg"].decode()
    assert said.endswith("…")
    assert len(message) > most - 8
    assert "…" not in write({}, word, most_bytes=most).decode()


def test_framed_by_its_length() -> None:
    message = write(words="两行\n正文")
    length, _, rest = frame(message).partition(b" ")
    assert int(length) == len(rest)
    assert rest == message


def test_how_bad() -> None:
    assert [severity_of({"severity": one}, 4) for one in ("critical", "major", "minor")] == [
        1,
        2,
        3,
    ]
    assert severity_of({"severity": "terrible"}, 4) == 4
    assert severity_of({"severity": 0}, 4) == severity_of({}, 4) == 4
