"""A receiver of webhooks for tests: keeps what it is posted, and answers as told."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HookServer:
    """`status` answers everything; `location` is where a redirect leads; `stalls` says nothing;
    `trickles` never comes to an end of its headers."""

    status: int = 204
    location: str = ""
    stalls: bool = False
    trickles: bool = False
    posted: list[Posted] = field(default_factory=list)
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve_hooks(
    server: HookServer, encrypted: ssl.SSLContext | None = None
) -> Iterator[HookServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.posted.append(Posted(self.path, dict(self.headers.items()), body))
            if server.stalls:
                server.closing.wait(20)
                return
            if server.trickles:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not server.closing.wait(0.2):
                    self.wfile.write(b"X: y\r\n")
                return
            self.send_response(server.status)
            if server.location:
                self.send_header("Location", server.location)
            self.end_headers()

        def do_GET(self) -> None:
            server.posted.append(Posted(self.path, dict(self.headers.items()), b"GET"))
            self.send_response(200)
            self.end_headers()

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
