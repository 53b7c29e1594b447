"""What a message means: the class of alarm and how bad, by its event and what its text contains.
Pure.

What an operator says comes before what the program says of the families it knows; of one event,
what asks for a text before what doesn't, of these the longest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from dcim.snmp.traps.meanings import Meaning

_DOWN = ("network", "warning", "端口链路中断", "A port has lost its link")
_UP = ("network", "clear", "端口链路恢复", "A port has its link again")
_PROTOCOL_DOWN = ("network", "warning", "接口链路协议中断", "An interface's line protocol is down")
_PROTOCOL_UP = ("network", "clear", "接口链路协议恢复", "An interface's line protocol is up again")
_SHUT = ("network", "info", "端口被管理员关闭", "A port was shut by its administrator")
_ERROR_DOWN = ("network", "warning", "端口因异常被设备关闭", "The device has shut a faulty port")
_NEIGHBOUR_DOWN = ("network", "warning", "路由邻居中断", "A routing neighbour is down")
_NEIGHBOUR_UP = ("network", "clear", "路由邻居恢复", "A routing neighbour is up again")
_RESTART = ("restart", "warning", "设备已重新启动", "The device has started anew")
_CHANGE = ("change", "info", "设备配置被修改", "The device was configured")

# Event, what the text contains (small letters; empty: whatever it is), meaning.
_SHIPPED = (
    # Cisco IOS, IOS XE, and who speaks like it (Arista EOS, Ruijie): System Message Guides.
    ("LINK-UPDOWN", "state to down", _DOWN),
    ("LINK-UPDOWN", "state to up", _UP),
    ("LINK-CHANGED", "administratively down", _SHUT),
    ("LINEPROTO-UPDOWN", "state to down", _PROTOCOL_DOWN),
    ("LINEPROTO-UPDOWN", "state to up", _PROTOCOL_UP),
    ("PM-ERR_DISABLE", "", _ERROR_DOWN),
    ("BGP-ADJCHANGE", " down", _NEIGHBOUR_DOWN),
    ("BGP-ADJCHANGE", " up", _NEIGHBOUR_UP),
    ("OSPF-ADJCHG", "to down", _NEIGHBOUR_DOWN),
    ("OSPF-ADJCHG", "to full", _NEIGHBOUR_UP),
    ("SYS-RESTART", "", _RESTART),
    ("SYS-CONFIG_I", "", _CHANGE),
    # Cisco IOS XR.
    ("PKT_INFRA-LINK-UPDOWN", "state to down", _DOWN),
    ("PKT_INFRA-LINK-UPDOWN", "state to up", _UP),
    ("PKT_INFRA-LINEPROTO-UPDOWN", "state to down", _PROTOCOL_DOWN),
    ("PKT_INFRA-LINEPROTO-UPDOWN", "state to up", _PROTOCOL_UP),
    # Cisco NX-OS.
    ("ETHPORT-IF_DOWN_LINK_FAILURE", "", _DOWN),
    ("ETHPORT-IF_DOWN_ADMIN_DOWN", "", _SHUT),
    ("ETHPORT-IF_DOWN_ERROR_DISABLED", "", _ERROR_DOWN),
    ("ETHPORT-IF_UP", "", _UP),
    # Huawei VRP: Log Reference, IFNET, IFPDT and ERRDOWN.
    ("IFNET/linkDown_active", "", _DOWN),
    ("IFNET/linkDown_clear", "", _UP),
    ("IFNET/IF_STATE", "down state", _DOWN),
    ("IFNET/IF_STATE", "up state", _UP),
    ("IFPDT/IF_STATE", "down state", _DOWN),
    ("IFPDT/IF_STATE", "up state", _UP),
    ("IFNET/LINK_STATE", "down state", _PROTOCOL_DOWN),
    ("IFNET/LINK_STATE", "up state", _PROTOCOL_UP),
    ("ERRDOWN/ERRDOWN_DOWNNOTIFY", "", _ERROR_DOWN),
    # H3C Comware 7 and, where the words differ, 5: System Log Messages Reference, IFNET.
    ("IFNET/PHY_UPDOWN", "changed to down", _DOWN),
    ("IFNET/PHY_UPDOWN", "changed to up", _UP),
    ("IFNET/LINK_UPDOWN", "changed to down", _PROTOCOL_DOWN),
    ("IFNET/LINK_UPDOWN", "changed to up", _PROTOCOL_UP),
    ("IFNET/LINK_UPDOWN", "status is down", _DOWN),
    ("IFNET/LINK_UPDOWN", "status is up", _UP),
    # Juniper Junos: System Log Explorer.
    ("SNMP_TRAP_LINK_DOWN", "", _DOWN),
    ("SNMP_TRAP_LINK_UP", "", _UP),
)  # fmt: skip


class Rule(NamedTuple):
    """`contains` is folded (`fold`); empty for any text."""

    contains: str
    meaning: Meaning


@dataclass
class Rules:
    """Rules by event, of each the one that is tried first in front."""

    of: dict[str, list[Rule]] = field(default_factory=dict)

    def add(self, event: str, contains: str, meaning: Meaning) -> None:
        rules = self.of.setdefault(event, [])
        rules.append(Rule(fold(contains), meaning))
        rules.sort(key=lambda rule: (-len(rule.contains), rule.contains))

    def find(self, event: str, text: str) -> Meaning | None:
        rules = self.of.get(event)
        if rules is None:
            return None
        folded = fold(text)
        return next((rule.meaning for rule in rules if rule.contains in folded), None)


def fold(text: str) -> str:
    """Small letters where they are ASCII: as the database has them whatever its locale."""
    return text.encode().lower().decode()


def find_meaning(event: str, text: str, layers: Iterable[Rules]) -> Meaning | None:
    """What the first of the layers that knows it says."""
    return next((found for layer in layers if (found := layer.find(event, text))), None)


@cache
def shipped_rules() -> Rules:
    """What the program says of the messages it knows."""
    rules = Rules()
    for event, contains, (alarm_class, severity, words, words_en) in _SHIPPED:
        rules.add(event, contains, Meaning(alarm_class, severity, words, words_en, "shipped"))
    return rules
