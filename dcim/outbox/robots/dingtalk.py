"""钉钉 DingTalk: the custom robot of a group; pure.

After DingTalk's open platform documents 自定义机器人接入, 自定义机器人安全设置
(security settings) and 自定义机器人发送群消息 (with its error codes): JSON is posted to
/robot/send?access_token=…; with 加签, `timestamp` (ms, within an hour) and `sign` go into the
query. 20 messages a minute, or the robot is shut for ten; a body of 20,000 bytes. It answers 200
with an `errcode` whatever came of it.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from dcim.outbox.robots.dialect import (
    BUSY,
    Answered,
    Dialect,
    Refusal,
    Request,
    read_code,
    write_json,
)
from dcim.outbox.robots.wording import Words, fit

MOST_BYTES = 20_000
_TOO_MANY = Refusal("too_many", final=False, hold_s=600)
_GONE = Refusal("robot_gone")
_REFUSED = Refusal("refused")
_REFUSALS = {
    -1: BUSY,
    88: _REFUSED,
    40035: _REFUSED,  # the document lacks something
    43004: _REFUSED,  # the header's content type
    130101: _TOO_MANY,
    410100: _TOO_MANY,
    90030: _TOO_MANY,  # its messages of the day, or of the month, are used up
    300001: _GONE,
    300005: _GONE,
    400013: _GONE,  # the group was dissolved
    400101: _GONE,  # no such token
    400102: _GONE,  # stopped
    400106: _GONE,
    310000: Refusal("guarded"),  # signature, time, keyword or address: its words say which
    400105: _REFUSED,
    430101: _REFUSED,  # content
    430102: _REFUSED,
    430103: _REFUSED,
    430104: _REFUSED,
    460101: _REFUSED,  # too large
}


def write(words: Words, secret: str, language: str, now_ms: int) -> Request:
    def body_of(text: str) -> bytes:
        said = "\n".join(part for part in (words.title, text, words.foot) if part)
        # Nobody is called by name, whatever the text says.
        return write_json({"msgtype": "text", "text": {"content": said}, "at": {"isAtAll": False}})

    body = body_of(fit(words.text, MOST_BYTES, lambda text: len(body_of(text))))
    return Request(body, sign(secret, now_ms) if secret else {})


def sign(secret: str, now_ms: int) -> dict[str, str]:
    signed = f"{now_ms}\n{secret}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {"timestamp": str(now_ms), "sign": base64.b64encode(digest).decode()}


def read(document: Mapping[str, Any]) -> Answered | None:
    return read_code(document, "errcode", "errmsg")


DINGTALK = Dialect(
    hosts=("oapi.dingtalk.com",),
    write=write,
    read=read,
    refusals=lambda answered: _REFUSALS.get(answered.code),
)
