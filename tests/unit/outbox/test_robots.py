"""Robots' formats: signed as their makers say, plain whatever is in them, no longer than taken."""

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import pytest

from dcim.outbox.channels import FAULTS
from dcim.outbox.models import ROBOTS
from dcim.outbox.robots import dingtalk, feishu, wecom
from dcim.outbox.robots.dialect import UNKNOWN, Answered, read_answer
from dcim.outbox.robots.dialects import DIALECTS
from dcim.outbox.robots.wording import KEYWORD, Words, fit, make_plain

NOW_MS = 1_599_360_473_123
SECRET = "SEC0123456789abcdef"
LINK = "https://idc.example.com/staff/statements/1"
HOSTILE = (
    '<at user_id="all"></at> <@all> @all @13800000000 [x](http://evil.example) '
    "<font color=red>x</font> &lt;at user_id=all&gt; HTTPS://evil.example www.evil.example "
    "dingtalk://x \u202egnp.exe\x07 ![i](http://e/x.png)"
)


def text_of(kind: str, body: bytes) -> str:
    document = json.loads(body)
    if kind != "feishu":
        return str(document["text"]["content"])
    [post] = document["content"]["post"].values()
    lines = ["".join(piece["text"] for piece in line) for line in post["content"]]
    return "\n".join([post["title"], *lines])


def write(kind: str, words: Words, secret: str = "", language: str = "zh") -> bytes:
    return DIALECTS[kind].write(words, secret, language, NOW_MS).body


def test_every_robot_has_a_dialect() -> None:
    assert tuple(DIALECTS) == ROBOTS


def test_dingtalk_signs_the_query() -> None:
    request = dingtalk.write(Words("t", "x"), SECRET, "zh", NOW_MS)
    signed = hmac.new(SECRET.encode(), f"{NOW_MS}\n{SECRET}".encode(), hashlib.sha256).digest()
    assert request.query == {
        "timestamp": str(NOW_MS), "sign": base64.b64encode(signed).decode()
    }  # fmt: skip
    assert b"sign" not in request.body
    assert dingtalk.write(Words("t", "x"), "", "zh", NOW_MS).query == {}


def test_feishu_signs_in_the_body() -> None:
    request = feishu.write(Words("t", "x"), SECRET, "zh", NOW_MS)
    document = json.loads(request.body)
    key = f"1599360473\n{SECRET}".encode()
    assert document["timestamp"] == "1599360473"
    assert (
        document["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    )
    assert request.query == {}
    # Not the other product's way round.
    other = hmac.new(SECRET.encode(), key, hashlib.sha256).digest()
    assert document["sign"] != base64.b64encode(other).decode()
    assert "sign" not in json.loads(write("feishu", Words("t", "x")))


def test_what_they_look_like() -> None:
    words = Words("标题", "第一行\n第二行", LINK)
    said = f"标题\n第一行\n第二行\nJifang {LINK}"
    assert json.loads(write("dingtalk", words)) == {
        "msgtype": "text", "text": {"content": said}, "at": {"isAtAll": False},
    }  # fmt: skip
    assert json.loads(write("wecom", words)) == {"msgtype": "text", "text": {"content": said}}
    document = json.loads(write("feishu", words, language="en"))
    assert document == {
        "msg_type": "post",
        "content": {"post": {"en_us": {"title": "标题", "content": [
            [{"tag": "text", "text": "第一行"}], [{"tag": "text", "text": "第二行"}],
            [{"tag": "text", "text": "Jifang "}, {"tag": "a", "text": LINK, "href": LINK}],
        ]}}},
    }  # fmt: skip
    assert "zh_cn" in json.loads(write("feishu", words))["content"]["post"]


@pytest.mark.parametrize("kind", ROBOTS)
def test_a_name_is_no_markup(kind: str) -> None:
    plain = Words(make_plain(HOSTILE), make_plain(f"{HOSTILE}\n{HOSTILE}"))
    said = text_of(kind, write(kind, plain))
    assert not MARKUP.search(said)
    for words in ("user_id", "13800000000", "evil.example", "color=red"):
        assert words in said
    # The control: without it, markup it is.
    assert MARKUP.search(text_of(kind, write(kind, Words(HOSTILE, HOSTILE))))


MARKUP = re.compile(r"[<>@\x07\u202e]|://|www\.|&#?\w+;")


def test_what_stays_as_it_is() -> None:
    for text in ("sw1.idc.example.com", "R&D 10.1.2.3:22", "a\nb", "总计：CNY 3,000.00", "2026-10"):
        assert make_plain(text) == text


LONGEST = {"dingtalk": 20_000, "wecom": 2048, "feishu": 20_000}


@pytest.mark.parametrize("kind", ROBOTS)
@pytest.mark.parametrize(
    "text", ["告" * 4000, '"\\' * 2000, "\n" * 4000, "🚨" * 4000, "a" * 30_000]
)
def test_no_longer_than_it_takes(kind: str, text: str) -> None:
    body = write(kind, Words("标题" * 60, text, LINK))
    assert size_of(kind, body) <= LONGEST[kind]
    said = text_of(kind, body)
    # Title, keyword and link aren't what is cut.
    assert said.startswith("标题")
    assert said.endswith(f"{KEYWORD} {LINK}")
    assert ("…" in said) == (size_of(kind, write_uncut(kind, text)) > LONGEST[kind])


def size_of(kind: str, body: bytes) -> int:
    return len(text_of(kind, body).encode()) if kind == "wecom" else len(body)


def write_uncut(kind: str, text: str) -> bytes:
    """The control: what it would be."""
    modules: dict[str, Any] = {"dingtalk": dingtalk, "wecom": wecom, "feishu": feishu}
    usual = modules[kind].MOST_BYTES
    modules[kind].MOST_BYTES = 10**9
    try:
        return write(kind, Words("标题" * 60, text, LINK))
    finally:
        modules[kind].MOST_BYTES = usual


def test_cut_on_a_character() -> None:
    def measure(text: str) -> int:
        return len(text.encode())

    assert fit("告警告警", 12, measure) == "告警告警"
    assert fit("告警告警", 11, measure) == "告警…"
    assert fit("告警告警", 3, measure) == "…"
    for most in range(3, 40):
        cut = fit("a告🚨" * 20, most, measure)
        assert len(cut.encode()) <= most
        assert cut.encode().decode() == cut


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("dingtalk", b'{"errcode":0,"errmsg":"ok"}', 0),
        ("dingtalk", b'{"status":1111,"wait":5,"errcode":130101,"errmsg":"x"}', 130101),
        ("wecom", b'{"errcode":0}', 0),
        ("feishu", b'{"code":0,"msg":"success","data":{}}', 0),
        ("feishu", b'{"StatusCode":0,"StatusMessage":"success"}', 0),
        ("feishu", b'{"StatusCode":0,"code":19021,"msg":"x"}', 19021),
        ("feishu", b'{"StatusCode":19024,"code":0}', 19024),
    ],
)
def test_what_they_answer(kind: str, body: bytes, code: int) -> None:
    answered = read_answer(DIALECTS[kind], body)
    assert answered is not None
    assert answered.code == code


@pytest.mark.parametrize("kind", ROBOTS)
@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"{", b"[]", b"0", b"null", b'{"ok":true}', b'{"errcode":"0","code":"0"}',
     b'{"errcode":false,"code":false}', b'{"errcode":0.0,"code":0.0}', b"\xff\xfe", b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_answer(kind: str, body: bytes) -> None:
    assert read_answer(DIALECTS[kind], body) is None


def test_what_stands_in_the_way() -> None:
    def judge(kind: str, code: int, words: str = "") -> tuple[str, bool, int]:
        refusal = DIALECTS[kind].refusals(Answered(code, words)) or UNKNOWN
        assert refusal.fault in FAULTS
        return refusal.fault, refusal.final, refusal.hold_s

    assert judge("dingtalk", 310000) == ("guarded", True, 0)
    assert judge("dingtalk", 130101) == ("too_many", False, 600)
    assert judge("dingtalk", 400102) == ("robot_gone", True, 0)
    assert judge("dingtalk", -1) == ("put_off", False, 0)
    assert judge("wecom", 45009) == ("too_many", False, 60)
    assert judge("wecom", 93000) == ("robot_gone", True, 0)
    assert judge("feishu", 19021) == ("signature", True, 0)
    assert judge("feishu", 19024) == ("keyword", True, 0)
    assert judge("feishu", 19022) == ("ip_list", True, 0)
    assert judge("feishu", 11232) == ("too_many", False, 60)
    assert judge("feishu", 9499, "Bad Request") == ("refused", True, 0)
    assert judge("feishu", 9499, "too many request") == ("too_many", False, 60)
    for kind in ROBOTS:
        assert judge(kind, 987_654) == ("answer", False, 0)
