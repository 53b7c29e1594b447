"""飞书 Feishu, abroad Lark: the custom bot of a group; pure.

After the Feishu open platform's document 自定义机器人使用指南 (Custom bot usage guide): JSON goes
to /open-apis/bot/v2/hook/…; with 签名校验, `timestamp` (s, within an hour) and `sign` go into it:
HMAC-SHA256 of nothing, keyed with "timestamp\\nsecret". 100 messages a minute, 5 a second; 20 KB a
body. `code` tells what came of it; older ones say `StatusCode`. Sent as `post`, whose texts are
text: in `text`, `<at …>` is markup.
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
from dcim.outbox.robots.wording import KEYWORD, Words, fit

# Of 20 KB, whichever they mean.
MOST_BYTES = 20_000
_TOO_MANY = Refusal("too_many", final=False, hold_s=60)
_REFUSED = Refusal("refused")
_REFUSALS = {
    2200: BUSY,
    9499: _REFUSED,
    11232: _TOO_MANY,
    19001: Refusal("robot_gone"),  # no such hook
    19002: _REFUSED,
    19021: Refusal("signature"),
    19022: Refusal("ip_list"),
    19024: Refusal("keyword"),
}


def write(words: Words, secret: str, language: str, now_ms: int) -> Request:
    signed = sign(secret, now_ms) if secret else {}
    foot = [{"tag": "text", "text": f"{KEYWORD} "}]
    if words.link:
        foot.append({"tag": "a", "text": words.link, "href": words.link})

    def body_of(text: str) -> bytes:
        lines = [[{"tag": "text", "text": line}] for line in text.splitlines()]
        post = {"title": words.title, "content": [*lines, foot]}
        # The one there is, is shown to readers of any language.
        return write_json(
            {
                **signed,
                "msg_type": "post",
                "content": {"post": {"zh_cn" if language == "zh" else "en_us": post}},
            }
        )

    return Request(body_of(fit(words.text, MOST_BYTES, lambda text: len(body_of(text)))))


def sign(secret: str, now_ms: int) -> dict[str, str]:
    timestamp = str(now_ms // 1000)
    digest = hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}


def read(document: Mapping[str, Any]) -> Answered | None:
    """Where both codes are there and differ, the one that isn't 0."""
    told = [
        read_code(document, "code", "msg"),
        read_code(document, "StatusCode", "StatusMessage"),
    ]
    found = [one for one in told if one is not None]
    return next((one for one in found if one.code), found[0] if found else None)


def judge(answered: Answered) -> Refusal | None:
    if answered.code == 9499 and "too many" in answered.words.lower():
        # 9499 is a document it can't read, and also: too many requests.
        return _TOO_MANY
    return _REFUSALS.get(answered.code)


FEISHU = Dialect(
    hosts=("open.feishu.cn", "open.larksuite.com"), write=write, read=read, refusals=judge
)
