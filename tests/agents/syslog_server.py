"""A syslog collector for tests: datagrams, or streams by octet counting, encrypted or not."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class SyslogServer:
    """`messages` as they were framed. `resets`: hangs up on a stream before it has read it;
    `keeps`: never closes one; `stalls`: takes a connection and says nothing, not even TLS."""

    resets: bool = False
    keeps: bool = False
    stalls: bool = False
    messages: list[bytes] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)
    port: int = 0
    heard: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve_datagrams(server: SyslogServer) -> Iterator[SyslogServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.05)
        server.port = listening.getsockname()[1]

        def listen() -> None:
            while not server.closing.is_set():
                with suppress(TimeoutError):
                    server.messages.append(listening.recv(65_536))
                    server.heard.set()

        with _running(server, listen):
            yield server


@contextmanager
def serve_streams(
    server: SyslogServer, encrypted: ssl.SSLContext | None = None
) -> Iterator[SyslogServer]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        server.port = listening.getsockname()[1]

        def listen() -> None:
            while not server.closing.is_set():
                with suppress(TimeoutError):
                    raw, _place = listening.accept()
                    raw.settimeout(5)
                    with suppress(OSError):
                        _converse(server, raw, encrypted)

        with _running(server, listen):
            yield server


def _converse(server: SyslogServer, raw: socket.socket, encrypted: ssl.SSLContext | None) -> None:
    with raw:
        if server.stalls:
            server.closing.wait(20)
            return
        if server.resets:
            # What was sent lies unread: to close is to reset.
            server.closing.wait(0.3)
            return
        stream = encrypted.wrap_socket(raw, server_side=True) if encrypted else raw
        heard = b""
        while piece := stream.recv(65_536):
            heard += piece
            if server.keeps and b" " in heard:
                break
        _unframe(server, heard)
        server.heard.set()
        if server.keeps:
            server.closing.wait(20)
        stream.close()


def _unframe(server: SyslogServer, heard: bytes) -> None:
    """RFC 6587 3.4.1: MSG-LEN SP SYSLOG-MSG, and again."""
    while heard:
        length, space, rest = heard.partition(b" ")
        if not space or not length.isdigit() or length.startswith(b"0") or len(rest) < int(length):
            server.broken.append(heard)
            return
        server.messages.append(rest[: int(length)])
        heard = rest[int(length) :]


@contextmanager
def _running(server: SyslogServer, listen: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.closing.set()
        thread.join(10)
