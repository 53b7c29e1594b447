"""A mail server for tests: real SMTP over a socket, that refuses, stalls and hangs up as told."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Taken:
    """A mail the server has said yes to; `lines` as they came, the quoting of dots undone."""

    sender: str
    recipient: str
    content: bytes
    encrypted: bool
    user: str


@dataclass
class MailServer:
    """What it answers at a stage ("greeting", "mail", "data", "end") or to a recipient; where it
    says nothing (`stalls`), or closes without a word (`hangs_up`), at "end" after it took it."""

    answers: dict[str, str] = field(default_factory=dict)
    stalls: set[str] = field(default_factory=set)
    hangs_up: set[str] = field(default_factory=set)
    tls: ssl.SSLContext | None = None
    password: str = ""
    taken: list[Taken] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve_mail(server: MailServer, encrypted: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """`encrypted`: with TLS from the first byte."""

    class Handler(_Conversation):
        box = server
        at_once = encrypted

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            listening.shutdown()
            thread.join(10)


class _HangUpError(Exception):
    pass


class _Conversation(socketserver.StreamRequestHandler):
    box: MailServer
    at_once: ssl.SSLContext | None = None
    encrypted = False
    user = ""

    def handle(self) -> None:
        try:
            if self.at_once:
                self._encrypt(self.at_once)
            self._converse()
        except (_HangUpError, OSError, ValueError):
            return

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def say(self, stage: str, usual: str) -> bool:
        """Whether the usual was said."""
        if stage in self.box.stalls:
            self.box.closing.wait(20)
            raise _HangUpError
        if stage in self.box.hangs_up:
            raise _HangUpError
        said = self.box.answers.get(stage, usual)
        self.wfile.write(said.encode() + b"\r\n")
        return said == usual

    def _converse(self) -> None:
        if not self.say("greeting", "220 mail.test ESMTP"):
            return
        sender = recipient = ""
        while line := self.rfile.readline():
            words = line.decode("ascii", "replace").strip()
            self.box.seen.append(words)
            verb = words.split(" ")[0].upper()
            if verb in {"EHLO", "STARTTLS", "AUTH"}:
                self._prepare(verb, words)
            elif verb == "MAIL":
                sender = words[len("MAIL FROM:<") :].partition(">")[0]
                self.say("mail", "250 ok")
            elif verb == "RCPT":
                recipient = words[len("RCPT TO:<") :].partition(">")[0]
                self.say(recipient, "250 ok")
            elif verb == "DATA":
                if self.say("data", "354 go on"):
                    content = self._read_content()
                    if self.box.answers.get("end", "250").startswith("250"):
                        self.box.taken.append(
                            Taken(sender, recipient, content, self.encrypted, self.user)
                        )
                    self.say("end", "250 taken")
            elif verb == "QUIT":
                self.say("quit", "221 bye")
                return
            else:
                self.say("other", "500 what?")

    def _prepare(self, verb: str, words: str) -> None:
        if verb == "EHLO":
            offers = ["mail.test", "8BITMIME"]
            offers += ["STARTTLS"] if self.box.tls and not self.encrypted else []
            offers += ["AUTH PLAIN"] if self.box.password else []
            said = [f"250-{one}" for one in offers[:-1]] + [f"250 {offers[-1]}"]
            self.say("ehlo", "\r\n".join(said))
        elif verb == "STARTTLS" and self.box.tls is not None:
            self.say("starttls", "220 go on")
            self._encrypt(self.box.tls)
        else:
            self._sign_in(words)

    def _read_content(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _encrypt(self, context: ssl.SSLContext) -> None:
        self.connection: Any = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]
        self.encrypted = True

    def _sign_in(self, words: str) -> None:
        import base64

        _nobody, user, password = base64.b64decode(words.split(" ")[2]).decode().split("\0")
        if password != self.box.password:
            self.wfile.write(b"535 5.7.8 no\r\n")
            return
        self.user = user
        self.wfile.write(b"235 yes\r\n")
