"""Simulated SNMPv3 agents: pysnmp's command responder over the same trees as the v2c ones."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.rfc1902 import ObjectName
from pysnmp.smi.instrum import AbstractMibInstrumController

from dcim.demo.responder import Tree
from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import Value
from dcim.snmp.wire.smi_values import to_pysnmp
from dcim.snmp.wire.target import UsmCredentials
from dcim.snmp.wire.usm import AUTH_PROTOCOLS, PRIV_PROTOCOLS


class _TreeInstrumentation(AbstractMibInstrumController):  # type: ignore[misc]
    """Answers pysnmp's reads from a tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def read_variables(self, *binds: Any, **_: Any) -> list[Any]:
        found = []
        for oid, _asked in binds:
            value = self._tree.get(tuple(oid)) or Value(ber.NO_SUCH_INSTANCE, None)
            found.append((ObjectName(tuple(oid)), to_pysnmp(value)))
        return found

    def read_next_variables(self, *binds: Any, **_: Any) -> list[Any]:
        found = []
        for oid, _asked in binds:
            following = self._tree.next(tuple(oid))
            here, value = following or (tuple(oid), Value(ber.END_OF_MIB_VIEW, None))
            found.append((ObjectName(here), to_pysnmp(value)))
        return found


@dataclass
class AgentV3:
    """One simulated v3 agent with one user; its tree is served in the user's context.

    `silent` stops every answer.
    """

    tree: Tree
    credentials: UsmCredentials
    port: int = 0
    host: str = "127.0.0.1"
    silent: bool = False


class ResponderV3:
    """Serves v3 agents from the running event loop: `async with ResponderV3(agents): ...`."""

    def __init__(self, agents: Iterable[AgentV3]) -> None:
        self.agents = list(agents)
        self._engines: list[Any] = []

    async def __aenter__(self) -> ResponderV3:
        for agent in self.agents:
            self._open(agent)
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for engine in self._engines:
            engine.close_dispatcher()
        self._engines.clear()
        await asyncio.sleep(0)

    def _open(self, agent: AgentV3) -> None:
        v6 = ":" in agent.host
        sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((agent.host, agent.port))
        agent.port = sock.getsockname()[1]
        engine = SnmpEngine()
        self._engines.append(engine)
        self._name_engine(engine, agent)
        module = udp6 if v6 else udp
        transport = (udp6.Udp6AsyncioTransport if v6 else udp.UdpAsyncioTransport)()
        receive = transport.datagram_received

        def heard(datagram: bytes, peer: Any) -> None:
            if not agent.silent:
                receive(datagram, peer)

        transport.datagram_received = heard
        config.add_transport(engine, module.DOMAIN_NAME, transport.open_server_mode(sock=sock))
        self._add_user(engine, agent.credentials)
        where = context.SnmpContext(engine)
        served = _TreeInstrumentation(agent.tree)
        where.context_names[agent.credentials.context.encode()] = served
        for responder in (
            cmdrsp.GetCommandResponder,
            cmdrsp.NextCommandResponder,
            cmdrsp.BulkCommandResponder,
        ):
            responder(engine, where)

    @staticmethod
    def _name_engine(engine: Any, agent: AgentV3) -> None:
        """Give each agent an engine id of its own (RFC 3411, SnmpEngineID, octets format)."""
        seed = hashlib.sha256(f"{agent.host} {agent.port}".encode()).digest()[:8]
        (symbol,) = engine.get_mib_builder().import_symbols("__SNMP-FRAMEWORK-MIB", "snmpEngineID")
        symbol.syntax = symbol.syntax.clone(b"\x80\x00\x4f\xb8\x05" + seed)
        engine.snmpEngineID = symbol.syntax

    @staticmethod
    def _add_user(engine: Any, user: UsmCredentials) -> None:
        config.add_v3_user(
            engine,
            user.user,
            AUTH_PROTOCOLS[user.auth],
            user.auth_password or None,
            PRIV_PROTOCOLS[user.priv],
            user.priv_password or None,
        )
        level = "noAuthNoPriv" if user.auth == "none" else "authNoPriv"
        config.add_vacm_user(
            engine, 3, user.user, level if user.priv == "none" else "authPriv", (1, 3, 6)
        )
