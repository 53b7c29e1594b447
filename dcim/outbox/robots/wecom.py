"""企业微信 WeCom: the robot of a group; pure.

After WeCom's developer documents 群机器人配置说明 (today 消息推送配置说明) and 全局错误码 (error
codes): JSON is posted to /cgi-bin/webhook/send?key=…; the key is all there is, nothing is
signed. A text has 2048 bytes; 20 messages a minute. It answers 200 with an `errcode`.
"""

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

MOST_BYTES = 2048
_TOO_MANY = Refusal("too_many", final=False, hold_s=60)
_GONE = Refusal("robot_gone")
_REFUSED = Refusal("refused")
_REFUSALS = {
    -1: BUSY,
    6000: BUSY,
    45009: _TOO_MANY,
    45033: _TOO_MANY,  # too many at once
    93000: _GONE,  # no such key
    93004: _GONE,  # stopped
    93008: _GONE,  # no longer in the group
    60020: Refusal("ip_list"),
    40008: _REFUSED,
    40058: _REFUSED,  # too long, or a field too few
    44004: _REFUSED,
    45002: _REFUSED,
}


def write(words: Words, secret: str, language: str, now_ms: int) -> Request:
    def join(text: str) -> str:
        return "\n".join(part for part in (words.title, text, words.foot) if part)

    said = join(fit(words.text, MOST_BYTES, lambda text: len(join(text).encode())))
    return Request(write_json({"msgtype": "text", "text": {"content": said}}))


def read(document: Mapping[str, Any]) -> Answered | None:
    return read_code(document, "errcode", "errmsg")


WECOM = Dialect(
    hosts=("qyapi.weixin.qq.com",),
    write=write,
    read=read,
    refusals=lambda answered: _REFUSALS.get(answered.code),
)
