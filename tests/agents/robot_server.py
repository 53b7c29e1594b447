"""The robots of DingTalk, WeCom and Feishu for tests: each checks what its maker's documents say it
checks, with code of its own, and answers 200 with a code in the body."""

import base64
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOUR_S = 3600


@dataclass
class RobotServer:
    """`secret` empty: nothing need be signed; `keyword`: must be in the text. `answers` are given,
    in their turn, instead of what would be answered: (status, body). `per_minute`: more are refused
    as too many. `redirects`, `stalls`, `trickles`, `floods`: as their names say."""

    token: str = "7f3c9d1e5b8a42"
    secret: str = ""
    keyword: str = ""
    per_minute: int = 10_000
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    redirects: bool = False
    stalls: bool = False
    trickles: bool = False
    floods: bool = False
    # What was taken, as documents; and what was asked, as paths.
    taken: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def url(self, kind: str, scheme: str = "http") -> str:
        path = {
            "dingtalk": f"/robot/send?access_token={self.token}",
            "wecom": f"/cgi-bin/webhook/send?key={self.token}",
            "feishu": f"/open-apis/bot/v2/hook/{self.token}-0000-4000-8000",
        }[kind]
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            document = json.loads(body)
        except ValueError:
            return 200, {"errcode": 40035, "errmsg": "not json"}
        maker = {"/robot/send": self._dingtalk, "/cgi-bin/webhook/send": self._wecom}.get(
            parts.path, self._feishu
        )
        with self.turn:
            refused = maker(parts.path, query, document, len(body))
            if refused is None:
                self.taken.append(document)
                self.at.append(time.monotonic())
        return (200, refused) if refused else (200, {"errcode": 0, "errmsg": "ok", "code": 0})

    def _is_too_many(self) -> bool:
        return sum(1 for at in self.at if at > time.monotonic() - 60) >= self.per_minute

    def _dingtalk(
        self, path: str, query: dict[str, str], document: dict[str, Any], size: int
    ) -> dict[str, Any] | None:
        if query.get("access_token") != self.token:
            return {"errcode": 300001, "errmsg": "token is not exist"}
        if unsafe := self._distrust(query, document["text"]["content"]):
            return {"errcode": 310000, "errmsg": unsafe}
        if size > 20_000:
            return {"errcode": 460101, "errmsg": "message too long"}
        if self._is_too_many():
            return {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
        assert document["msgtype"] == "text"
        assert not document["at"]["isAtAll"]
        return None

    def _distrust(self, query: dict[str, str], words: str) -> str:
        """DingTalk's safety settings."""
        if self.secret:
            when = query.get("timestamp", "0")
            said = hmac.digest(self.secret.encode(), f"{when}\n{self.secret}".encode(), "sha256")
            if abs(int(when) / 1000 - time.time()) > HOUR_S:
                return "invalid timestamp"
            if query.get("sign") != base64.b64encode(said).decode():
                return "sign not match"
        return "" if self.keyword in words else "keywords not in content"

    def _wecom(
        self, path: str, query: dict[str, str], document: dict[str, Any], size: int
    ) -> dict[str, Any] | None:
        if query.get("key") != self.token:
            return {"errcode": 93000, "errmsg": f"invalid webhook url, key {query.get('key')}"}
        if len(document["text"]["content"].encode()) > 2048:
            return {"errcode": 40058, "errmsg": "text.content exceed max length 2048"}
        if self._is_too_many():
            return {"errcode": 45009, "errmsg": "api freq out of limit"}
        assert document["msgtype"] == "text"
        return None

    def _feishu(
        self, path: str, query: dict[str, str], document: dict[str, Any], size: int
    ) -> dict[str, Any] | None:
        if path != urlsplit(self.url("feishu")).path:
            return {"code": 19001, "msg": "param invalid: incoming webhook access token invalid"}
        if self.secret:
            when = document.get("timestamp", "0")
            key = f"{when}\n{self.secret}".encode()
            said = base64.b64encode(hmac.digest(key, b"", "sha256")).decode()
            late = abs(int(when) - time.time()) > HOUR_S
            if late or document.get("sign") != said:
                return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}
        if size > 20 * 1024:
            return {"code": 9499, "msg": "Bad Request", "data": {}}
        if self.keyword not in json.dumps(document["content"], ensure_ascii=False):
            return {"code": 19024, "msg": "Key Words Not Found"}
        if self._is_too_many():
            return {"code": 11232, "msg": "frequency limited"}
        assert document["msg_type"] == "post"
        return None


@contextmanager
def serve_robots(
    server: RobotServer, encrypted: ssl.SSLContext | None = None
) -> Iterator[RobotServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append(self.path)
            if server.stalls:
                server.closing.wait(20)
                return
            if server.redirects:
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{server.port}/elsewhere")
                self.end_headers()
                return
            if server.trickles:
                self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"errcode": 0, "')
                while not server.closing.wait(0.1):
                    self.wfile.write(b"x")
                return
            if server.answers:
                status, said = server.answers.pop(0)
            else:
                status, document = server.answer(self.path, body)
                said = json.dumps(document).encode()
            if server.floods:
                said = b'{"errcode": 0, "errmsg": "' + b"x" * 3_000_000 + b'"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Listening(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Who hung up doesn't hear the rest."""

    with Listening(("127.0.0.1", 0), Handler) as listening:
        server.port = listening.server_address[1]
        if encrypted is not None:
            listening.socket = encrypted.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            listening.shutdown()
            thread.join(10)
