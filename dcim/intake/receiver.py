"""A process that receives: the reader in a process of its own, the decoder here, the writer in a
thread.

The reader hears, the decoder puts on disk, the writer records: each may be slow or away without the
others losing anything, as far as buffer, memory and disk reach.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from select import select as wait_for
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dcim.config import Network
from dcim.db import transaction
from dcim.intake.decoder import FULL_BATCH, Decoder
from dcim.intake.frames import ALLOWED, COUNTS, DATAGRAMS, Frames, make_json, read_datagrams
from dcim.intake.kernel_drops import KernelDrops
from dcim.intake.senders import Book, SenderT
from dcim.intake.writer import Writer

log = structlog.get_logger(__name__)

# Octets that the kernel keeps while the reader isn't running, if it allows that many.
BUFFER = 32 << 20
KERNEL_OVERFLOW = "kernel_overflow"
_FLUSH_S = 0.2
_BOOK_S = 5.0
_RETRY_S = 5.0
_STOP_S = 5.0
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h; needs CAP_NET_ADMIN


@dataclass(frozen=True, slots=True)
class Place:
    """What is received, where, and of whom beside polled agents. `reader` is the module that hears;
    `limits` are what its `Admission` wants."""

    noun: str
    reader: str
    listen: tuple[str, int] | None
    allowed: tuple[Network, ...]
    limits: Mapping[str, float]


DecoderT = TypeVar("DecoderT", bound=Decoder[Any, Any])


class Receiver(ABC, Generic[SenderT, DecoderT]):
    """One receiver of an instance; `run` blocks until `stop`."""

    def __init__(self, place: Place, writer: Writer[Any]) -> None:
        self.place, self.writer = place, writer
        self.sessions, self.spool = writer.sessions, writer.spool
        # Set once it receives; `address` is where, then.
        self.ready = threading.Event()
        self.address: tuple[str, int] = ("", 0)
        self._stop = threading.Event()
        self._wake = threading.Event()

    # -- what a kind of messages says

    @abstractmethod
    def _read_book(self, session: Session, before: Book[SenderT] | None) -> Book[SenderT]:
        """Who may send by now; `before` itself where nothing has changed."""

    @abstractmethod
    def _make_decoder(self, udp: socket.socket, book: Book[SenderT]) -> DecoderT:
        """Called once, when what was spooled before is recorded."""

    @abstractmethod
    def _follow(self, session: Session) -> None:
        """Give what is kept what it means, where that was changed by anything."""

    def _renewed(self, session: Session, decoder: DecoderT) -> None:
        """Whatever else is to be read anew every few seconds."""

    # -- the same for all

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        udp = self._bind()
        if udp is None:
            return
        with udp:
            # Not before: until then another receiver may be writing there.
            self.spool.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.spool.sweep_out()
            book = self._begin()
            if book is not None:
                self._receive(udp, self._make_decoder(udp, book))

    def _bind(self) -> socket.socket | None:
        """The socket; while its address is another's or can't be had, tries again and says so."""
        if self.place.listen is None:
            return None
        address, port = self.place.listen
        while not self._stop.is_set():
            try:
                return open_socket(address, port)
            except OSError as error:
                at = f"{address}:{port}"
                log.warning("not received", what=self.place.noun, at=at, why=error.strerror)
                self._stop.wait(_RETRY_S)
        return None

    def _begin(self) -> Book[SenderT] | None:
        """Who may send. What was spooled before is recorded first: what is known of senders may
        be in it."""
        while not self._stop.is_set():
            try:
                if self.writer.record_waiting():
                    with transaction(self.sessions, self.writer.scope) as session:
                        self._follow(session)
                        return self._read_book(session, None)
            except SQLAlchemyError as error:
                log.warning("the database is away", why=type(error).__name__)
            self._stop.wait(_RETRY_S)
        return None

    def _receive(self, udp: socket.socket, decoder: DecoderT) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        reader = self._start_reader(udp, theirs)
        theirs.close()
        self._tell_allowed(ours, decoder.book)
        writing = threading.Thread(
            target=self.writer.run, args=(decoder, self._wake, self._stop), name="writer"
        )
        writing.start()
        self.address = udp.getsockname()[:2]
        at = f"{self.address[0]}:{self.address[1]}"
        log.info("receiving", what=self.place.noun, at=at)
        self.ready.set()
        try:
            self._decode(udp, ours, decoder, writing)
        finally:
            self._stop.set()
            with ours:
                pass
            try:
                reader.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                reader.kill()
                reader.wait()
            decoder.flush()
            self._wake.set()
            writing.join()

    def _decode(
        self,
        udp: socket.socket,
        channel: socket.socket,
        decoder: DecoderT,
        writing: threading.Thread,
    ) -> None:
        frames, overflow = Frames(), KernelDrops(udp)
        now_s = time.monotonic()
        flush_s, book_s = now_s + _FLUSH_S, now_s + _BOOK_S
        while not self._stop.is_set():
            ready, _, _ = wait_for([channel], [], [], _FLUSH_S / 2)
            if ready:
                octets = channel.recv(1 << 20)
                if not octets:
                    raise RuntimeError(f"the reader of {self.place.noun} has ended")
                for kind, body in frames.feed(octets):
                    self._take(kind, body, decoder)
            now_s = time.monotonic()
            if now_s >= flush_s:
                flush_s = now_s + _FLUSH_S
                self._flush(decoder)
            if now_s >= book_s:
                book_s = now_s + _BOOK_S
                if not writing.is_alive():
                    raise RuntimeError(f"the writer of {self.place.noun} has ended")
                if overflowed := overflow.take():
                    decoder.drop(None, KERNEL_OVERFLOW, overflowed)
                self._renew(channel, decoder)

    def _take(self, kind: int, body: bytes, decoder: DecoderT) -> None:
        if kind == DATAGRAMS:
            now_s = time.monotonic()
            for datagram in read_datagrams(body):
                decoder.take(datagram, now_s)
                if len(decoder.entries) >= FULL_BATCH:
                    self._flush(decoder)
        elif kind == COUNTS:
            for source, reason, count in json.loads(body):
                decoder.drop_of(source, reason, count)

    def _flush(self, decoder: DecoderT) -> None:
        if decoder.flush():
            self._wake.set()

    def _renew(self, channel: socket.socket, decoder: DecoderT) -> None:
        """See who may send by now; while the database is away, who might before."""
        try:
            with transaction(self.sessions, self.writer.scope) as session:
                book = self._read_book(session, decoder.book)
                self._renewed(session, decoder)
                self._follow(session)
        except SQLAlchemyError as error:
            log.warning("senders not read anew", why=type(error).__name__)
            return
        if book is not decoder.book:
            decoder.book = book
            self._tell_allowed(channel, book)

    def _tell_allowed(self, channel: socket.socket, book: Book[SenderT]) -> None:
        networks = [str(network) for network in self.place.allowed]
        told = {"sources": sorted(book.senders), "networks": networks}
        channel.sendall(make_json(ALLOWED, told))

    def _start_reader(self, udp: socket.socket, channel: socket.socket) -> subprocess.Popen[bytes]:
        descriptors = (udp.fileno(), channel.fileno())
        command = [sys.executable, "-m", self.place.reader, *map(str, descriptors)]
        return subprocess.Popen(  # noqa: S603 - our own program
            [*command, json.dumps(dict(self.place.limits))],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )


def open_socket(address: str, port: int) -> socket.socket:
    """A UDP socket with the largest buffer there is to be had; at `::` it hears IPv4 too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            udp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER)
        except OSError:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        udp.bind((address, port))
    except OSError:
        udp.close()
        raise
    return udp
