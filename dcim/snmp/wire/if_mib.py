"""Where interfaces are read: ifTable and ifXTable of IF-MIB (RFC 2863), and an agent's clocks."""

from __future__ import annotations

from dcim.snmp.wire.ber import Oid

SYS_UPTIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
ENGINE_TIME: Oid = (1, 3, 6, 1, 6, 3, 10, 2, 1, 3, 0)  # SNMP-FRAMEWORK-MIB snmpEngineTime

_IF: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IFX: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
NAME, ALIAS, DISCONTINUITY = (*_IFX, 1), (*_IFX, 18), (*_IFX, 19)
HC_IN, HC_OUT, HIGH_SPEED = (*_IFX, 6), (*_IFX, 10), (*_IFX, 15)
DESCR, TYPE, SPEED, ADMIN, OPER = (*_IF, 2), (*_IF, 3), (*_IF, 5), (*_IF, 7), (*_IF, 8)
IN, IN_DISCARDS, IN_ERRORS = (*_IF, 10), (*_IF, 13), (*_IF, 14)
OUT, OUT_DISCARDS, OUT_ERRORS = (*_IF, 16), (*_IF, 19), (*_IF, 20)
STACK_STATUS: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 2, 1, 3)  # by the higher layer, the lower layer
