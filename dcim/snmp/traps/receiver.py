"""`dcim traps`: the reader in a process of its own, the decoder here, the writer in a thread.

The reader hears, the decoder puts on disk, the writer records: each may be slow or away without the
others losing anything, as far as buffer, memory and disk reach.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from select import select as wait_for

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.snmp.mibs.known import known_catalogue
from dcim.snmp.polling.room import site_profiles
from dcim.snmp.traps.frames import ALLOWED, COUNTS, DATAGRAMS, Frames, make_json, read_datagrams
from dcim.snmp.traps.intake import FULL_BATCH, Intake, answer_by
from dcim.snmp.traps.kernel_drops import KernelDrops
from dcim.snmp.traps.mappings import read_mappings, remap_all
from dcim.snmp.traps.meanings import Meanings, gather_meanings
from dcim.snmp.traps.models import TrapEngine
from dcim.snmp.traps.own_engine import start_engine
from dcim.snmp.traps.reader import limits
from dcim.snmp.traps.recording import DeferPolls, read_engines
from dcim.snmp.traps.senders import Book, read_book
from dcim.snmp.traps.spool import TrapSpool
from dcim.snmp.traps.v3 import Notifications
from dcim.snmp.traps.writer import SYSTEM, Writer

log = structlog.get_logger(__name__)

SPOOL = "traps"
# Octets that the kernel keeps while the reader isn't running, if it allows that many.
BUFFER = 32 << 20
KERNEL_OVERFLOW = "kernel_overflow"
_FLUSH_S = 0.2
_BOOK_S = 5.0
_RETRY_S = 5.0
_STOP_S = 5.0
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h; needs CAP_NET_ADMIN


class Receiver:
    """One receiver of an instance; `run` blocks until `stop`."""

    def __init__(self, settings: Settings, sessions: SessionFactory, defer: DeferPolls) -> None:
        self.settings, self.sessions = settings, sessions
        self.spool = TrapSpool(settings.spool_folder / SPOOL, settings.trap_spool_limit_bytes)
        self.shipped = gather_meanings(known_catalogue(site_profiles(settings)).profiles.values())
        self.writer = Writer(sessions, self.spool, self.shipped, defer)
        # Set once traps are received; `address` is where, then.
        self.ready = threading.Event()
        self.address: tuple[str, int] = ("", 0)
        # Sources whose engine the database knew when it was last asked.
        self._stored: set[str] = set()
        self._mappings: Meanings | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()

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
            own = start_engine(self.settings.data, time.monotonic())
            book = self._begin()
            if book is None:
                return
            with transaction(self.sessions, SYSTEM) as session:
                engines = read_engines(session)
            self._stored = set(engines)
            intake = Intake(self.spool, Notifications(own), answer_by(udp), engines)
            intake.book = book
            self._receive(udp, intake)

    def _bind(self) -> socket.socket | None:
        """The socket; while its address is another's or can't be had, tries again and says so."""
        if self.settings.trap_listen is None:
            return None
        address, port = self.settings.trap_listen
        while not self._stop.is_set():
            try:
                return open_socket(address, port)
            except OSError as error:
                log.warning("traps not received", at=f"{address}:{port}", why=error.strerror)
                self._stop.wait(_RETRY_S)
        return None

    def _begin(self) -> Book | None:
        """Who may send. What was spooled before is recorded first: clocks of engines are in it."""
        while not self._stop.is_set():
            try:
                if self.writer.record_waiting():
                    with transaction(self.sessions, SYSTEM) as session:
                        self._follow(session)
                        return read_book(session, self.settings.encryption)
            except SQLAlchemyError as error:
                log.warning("the database is away", why=type(error).__name__)
            self._stop.wait(_RETRY_S)
        return None

    def _receive(self, udp: socket.socket, intake: Intake) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        reader = _start_reader(self.settings, udp, theirs)
        theirs.close()
        tell_allowed(ours, intake.book, self.settings)
        writing = threading.Thread(
            target=self.writer.run, args=(intake, self._wake, self._stop), name="writer"
        )
        writing.start()
        self.address = udp.getsockname()[:2]
        log.info("receiving traps", at=f"{self.address[0]}:{self.address[1]}")
        self.ready.set()
        try:
            self._decode(udp, ours, intake, writing)
        finally:
            self._stop.set()
            with ours:
                pass
            try:
                reader.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                reader.kill()
                reader.wait()
            intake.flush()
            self._wake.set()
            writing.join()

    def _decode(
        self,
        udp: socket.socket,
        channel: socket.socket,
        intake: Intake,
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
                    raise RuntimeError("the reader of traps has ended")
                for kind, body in frames.feed(octets):
                    self._take(kind, body, intake)
            now_s = time.monotonic()
            if now_s >= flush_s:
                flush_s = now_s + _FLUSH_S
                self._flush(intake)
            if now_s >= book_s:
                book_s = now_s + _BOOK_S
                if not writing.is_alive():
                    raise RuntimeError("the writer of traps has ended")
                if overflowed := overflow.take():
                    intake.drop(None, KERNEL_OVERFLOW, overflowed)
                self._renew(channel, intake)

    def _take(self, kind: int, body: bytes, intake: Intake) -> None:
        if kind == DATAGRAMS:
            now_s = time.monotonic()
            for datagram in read_datagrams(body):
                intake.take(datagram, now_s)
                if len(intake.entries) >= FULL_BATCH:
                    self._flush(intake)
        elif kind == COUNTS:
            for source, reason, count in json.loads(body):
                intake.drop_of(source, reason, count)

    def _flush(self, intake: Intake) -> None:
        if intake.flush():
            self._wake.set()

    def _follow(self, session: Session) -> None:
        """Give traps that are kept what they mean, where that was changed by anything."""
        mappings = read_mappings(session)
        if mappings != self._mappings:
            remap_all(session, (mappings, self.shipped))
        self._mappings = mappings

    def _renew(self, channel: socket.socket, intake: Intake) -> None:
        """See who may send by now; while the database is away, who might before."""
        try:
            with transaction(self.sessions, SYSTEM) as session:
                book = read_book(session, self.settings.encryption, intake.book)
                stored = set(session.scalars(select(TrapEngine.source)))
                self._follow(session)
        except SQLAlchemyError as error:
            log.warning("senders not read anew", why=type(error).__name__)
            return
        intake.forget_engines(self._stored - stored)  # a person had them forgotten
        self._stored = stored
        if book is not intake.book:
            intake.book = book
            tell_allowed(channel, book, self.settings)


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


def tell_allowed(channel: socket.socket, book: Book, settings: Settings) -> None:
    told = {
        "sources": sorted(book.senders),
        "networks": [str(network) for network in settings.trap_allowed],
    }
    channel.sendall(make_json(ALLOWED, told))


def _start_reader(
    settings: Settings, udp: socket.socket, channel: socket.socket
) -> subprocess.Popen[bytes]:
    descriptors = (udp.fileno(), channel.fileno())
    command = [sys.executable, "-m", "dcim.snmp.traps.reader", *map(str, descriptors)]
    return subprocess.Popen(  # noqa: S603 - our own program
        [*command, json.dumps(limits(settings))],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
    )
