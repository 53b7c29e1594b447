"""SNMPv3 (USM, RFC 3414) through pysnmp, for what our own transport leaves to it (DES, 3DES).

One pysnmp engine per set of credentials: users of one name but different passwords, which sites
do have, would overwrite each other in a shared one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pyasn1.type.univ import Null
from pysnmp.carrier.asyncio.dispatch import AsyncioDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio.auth import UsmUserData
from pysnmp.hlapi.v3arch.asyncio.lcd import CommandGeneratorLcdConfigurator
from pysnmp.hlapi.v3arch.asyncio.transport import Udp6TransportTarget, UdpTransportTarget
from pysnmp.proto.rfc1902 import ObjectName

from dcim.snmp.wire import ber, faults
from dcim.snmp.wire.ber import BerError, VarBind
from dcim.snmp.wire.drops import Drops
from dcim.snmp.wire.faults import SnmpError, Timeout
from dcim.snmp.wire.smi_values import from_pysnmp
from dcim.snmp.wire.target import Reply, Request, Target, UsmCredentials

_IN_FLIGHT = 60  # measured: with more, pysnmp is late to decode and takes living agents for dead
_TICK_S = 0.1
_UNKNOWN_CONTEXTS = "1.3.6.1.6.3.12.1.5.0"  # SNMP-TARGET-MIB snmpUnknownContexts

AUTH_PROTOCOLS: dict[str, Any] = {
    "none": config.USM_AUTH_NONE,
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV_PROTOCOLS: dict[str, Any] = {
    "none": config.USM_PRIV_NONE,
    "DES": config.USM_PRIV_CBC56_DES,
    "3DES": config.USM_PRIV_CBC168_3DES,
    "AES-128": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES,
    "AES-256": config.USM_PRIV_CFB256_AES,
    "AES-192-BLUMENTHAL": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256-BLUMENTHAL": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
}
_FAULTS: dict[str, type[SnmpError]] = {
    "RequestTimedOut": Timeout,
    "UnknownUserName": faults.UnknownUser,
    "UnknownSecurityName": faults.UnknownUser,
    "WrongDigest": faults.WrongDigest,
    "AuthenticationFailure": faults.WrongDigest,
    "AuthenticationError": faults.WrongDigest,
    "DecryptionError": faults.DecryptionFailed,
    "NotInTimeWindow": faults.NotInTimeWindow,
    "UnsupportedSecurityLevel": faults.UnsupportedSecurityLevel,
    "NoSuchContext": faults.UnknownContext,
}


def user_data(credentials: UsmCredentials) -> Any:
    """Make pysnmp's user of our credentials."""
    return UsmUserData(
        credentials.user,
        credentials.auth_password if credentials.auth != "none" else None,
        credentials.priv_password if credentials.priv != "none" else None,
        authProtocol=AUTH_PROTOCOLS[credentials.auth],
        privProtocol=PRIV_PROTOCOLS[credentials.priv],
    )


class UsmTransport:
    """Exchanges v3 messages; use from one event loop only."""

    def __init__(self, drops: Drops | None = None) -> None:
        self.drops = Drops() if drops is None else drops
        self._awaited: Counter[tuple[str, int]] = Counter()
        self._guarded: set[int] = set()
        self._window = asyncio.Semaphore(_IN_FLIGHT)
        self._engines: dict[UsmCredentials, Any] = {}
        self._lcd = CommandGeneratorLcdConfigurator()

    async def exchange(self, target: Target, attempts: Sequence[Request]) -> Reply:
        """Send the attempts one after the other until one is answered; raise what v3 reports."""
        if target.credentials is None:
            raise SnmpError("version 3 needs credentials")
        self.drops.expect(target.peer)
        for attempt, request in enumerate(attempts):
            try:
                async with self._window:
                    return await self._ask(target, target.credentials, attempt, request)
            except Timeout:
                self.drops.note_unanswered(target.peer)
                if attempt + 1 == len(attempts):
                    raise
        raise Timeout("nothing was asked")

    def _engine(self, credentials: UsmCredentials) -> Any:
        engine = self._engines.get(credentials)
        if engine is None:
            engine = self._engines[credentials] = SnmpEngine()
            engine.register_transport_dispatcher(AsyncioDispatcher(timeout=_TICK_S))
        return engine

    async def _ask(
        self, target: Target, credentials: UsmCredentials, attempt: int, request: Request
    ) -> Reply:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Any, int, int, list[Any]]] = loop.create_future()

        def receive(
            _engine: Any, _handle: Any, fault: Any, status: Any, index: Any, binds: Any, _: Any
        ) -> None:
            if not future.done():
                future.set_result((fault, int(status), int(index), list(binds)))

        self._awaited[target.peer] += 1
        try:
            self._send(target, credentials, request, receive)
            fault, status, index, binds = await future
        except PySnmpError as error:
            raise self._fault(getattr(error, "cause", error), target) from error
        finally:
            self._awaited[target.peer] -= 1
            if not self._awaited[target.peer]:
                del self._awaited[target.peer]
        if fault:
            raise self._fault(fault, target)
        try:
            varbinds = [VarBind(tuple(oid), from_pysnmp(value)) for oid, value in binds]
        except BerError as error:
            raise SnmpError(f"{target.address} sent a value that is none") from error
        if not status and not request.is_answered_by(varbinds):
            raise SnmpError(f"{target.address} answered with other objects than asked")
        return Reply(
            attempt,
            status,
            index,
            varbinds,
            time.time_ns() // 1_000_000,
            time.monotonic_ns() // 1_000_000,
            sum(len(ber.encode_varbind(varbind)) for varbind in varbinds),
        )

    def _send(
        self, target: Target, credentials: UsmCredentials, request: Request, receive: Any
    ) -> None:
        engine = self._engine(credentials)
        peer = (Udp6TransportTarget if target.is_ipv6 else UdpTransportTarget).__new__(
            Udp6TransportTarget if target.is_ipv6 else UdpTransportTarget
        )
        # What its create() does, without asking the resolver for an address that is numeric.
        peer.transport_address = (*target.peer, 0, 0) if target.is_ipv6 else target.peer
        peer.__init__(timeout=target.timeout_s, retries=0)
        name, _ = self._lcd.configure(
            engine, user_data(credentials), peer, credentials.context.encode()
        )
        self._guard(engine.transport_dispatcher.get_transport(peer.TRANSPORT_DOMAIN))
        binds = [(ObjectName(oid), Null("")) for oid in request.oids]
        common = (engine, name, None, credentials.context)
        if request.pdu == ber.GET:
            cmdgen.GetCommandGenerator().send_varbinds(*common, binds, receive)
        elif request.pdu == ber.GETNEXT:
            cmdgen.NextCommandGeneratorSingleRun().send_varbinds(*common, binds, receive)
        else:
            cmdgen.BulkCommandGeneratorSingleRun().send_varbinds(
                *common, request.non_repeaters, request.max_repetitions, binds, receive
            )

    def _guard(self, transport: Any) -> None:
        """Let a socket hear only those who were asked: pysnmp itself takes anybody's reply."""
        if id(transport) in self._guarded:
            return
        self._guarded.add(id(transport))
        receive = transport.datagram_received

        def hear(datagram: bytes, source: Any) -> None:
            if self._is_awaited(source):
                receive(datagram, source)
            else:
                self.drops.note("wrong_source", source[:2])

        transport.datagram_received = hear

    def _is_awaited(self, source: Any) -> bool:
        return tuple(source[:2]) in self._awaited

    @staticmethod
    def _fault(fault: Any, target: Target) -> SnmpError:
        where = f"{target.address}:{target.port}"
        if _UNKNOWN_CONTEXTS in str(fault):
            return faults.UnknownContext(f"{where} does not know the context")
        kind = _FAULTS.get(type(fault).__name__, SnmpError)
        return kind(f"{where}: {fault}")

    async def close(self) -> None:
        for engine in self._engines.values():
            engine.close_dispatcher()
        self._engines.clear()
        self._guarded.clear()
        await asyncio.sleep(0)  # lets the cancelled timers end
