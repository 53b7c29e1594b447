"""In a flood of one device what is new in it is heard, and so is another device."""

from functools import partial

import pytest

from dcim.intake.buckets import Admission
from dcim.syslog.peeking import peek_kind

LOGIN = b"<38>Nov 27 10:00:00 srv1 sshd[%d]: Accepted publickey for root"
NEW = (
    b"<187>7: Nov 27 10:00:00: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
    b"<187>Nov 27 2026 10:00:00 SW-01 %%01IFNET/2/linkDown_active(l)[3]:The interface is down",
    b"<28>Nov 27 10:00:00 mx1 mib2d[1234]: SNMP_TRAP_LINK_DOWN: ifIndex 531",
    b"<34>Nov 27 10:00:00 srv1 su: 'su root' failed",
)


def flood(admission: Admission, source: str = "192.0.2.1") -> None:
    admission.allow(["192.0.2.1", "192.0.2.2"], [])
    for number in range(1_000):
        packet = LOGIN % number
        admission.admit(source, len(packet), partial(bytes, packet), 1.0)


@pytest.mark.parametrize("packet", NEW)
def test_what_is_new_in_a_flood_is_heard_and_who_is_quiet(packet: bytes) -> None:
    admission = Admission(peek_kind, source_rate=5, source_burst=5, total_rate=50, total_burst=50)
    flood(admission)
    assert admission.admit("192.0.2.1", len(packet), lambda: packet, 1.0)
    assert not admission.admit("192.0.2.1", len(packet), lambda: packet, 1.0)
    assert admission.admit("192.0.2.2", len(packet), lambda: packet, 1.0)


@pytest.mark.parametrize("packet", NEW)
def test_control_where_kinds_are_not_told_apart_it_is_lost(packet: bytes) -> None:
    admission = Admission(
        lambda octets: b"", source_rate=5, source_burst=5, total_rate=50, total_burst=50
    )
    flood(admission)
    assert not admission.admit("192.0.2.1", len(packet), lambda: packet, 1.0)
