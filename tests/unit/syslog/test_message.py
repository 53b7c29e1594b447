"""What devices really send; and whatever octets come in, a bounded, visible message comes out."""

from __future__ import annotations

import datetime as dt
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dcim.intake.buckets import LONGEST
from dcim.outbox.syslog_message import write_syslog
from dcim.snmp.reading.profiles import SEVERITIES, TRAP_CLASSES
from dcim.snmp.traps.meanings import Meaning
from dcim.syslog.entries import Spooled, decode_entries, encode_entries, key_of, make_entry
from dcim.syslog.message import LONGEST_TEXT, Message, name_event, parse
from dcim.syslog.peeking import peek_kind
from dcim.syslog.rules import Rules, find_meaning, shipped_rules

CISCO = (
    b"<189>123: *Mar  1 00:00:01.123 UTC: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down"
)
HUAWEI = (
    b"<187>Nov 27 2026 10:00:00 SW-01 %%01IFNET/2/linkDown_active(l)[3]:"
    b"The interface status changes. (ifName=GE0/0/1)"
)
RFC_5424 = (
    b"<165>1 2003-10-11T22:14:15.003+08:00 mymachine.example.com evntslog 12 ID47 "
    b'[exampleSDID@32473 iut="3" eventSource="A \\"b\\" \\\\ \\]"]'
    b'[priority@32473 class="high"] \xef\xbb\xbfAn entry'
)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        # Cisco IOS: sequence number, a clock that isn't set, no host (System Message Guide).
        (CISCO, {"facility": 23, "level": 5, "device_time": "*Mar  1 00:00:01.123 UTC",
                 "device_ms": None, "host": "", "app": "LINK", "event": "LINK-UPDOWN",
                 "text": "%LINK-3-UPDOWN: Interface Gi0/1, changed state to down"}),
        (b"<189>45: 00:00:46: %LINK-3-UPDOWN: Interface X",
         {"device_time": "00:00:46", "event": "LINK-UPDOWN"}),
        (b"<189>45: 1w2d: %SYS-5-CONFIG_I: x", {"device_time": "1w2d", "event": "SYS-CONFIG_I"}),
        # By a relay's hand, and with its own name (logging origin-id).
        (b"<189>Sep  6 09:13:00 router 82: Sep  6 14:12:56.872: %SYS-5-CONFIG_I: by admin",
         {"device_time": "Sep  6 14:12:56.872", "host": "router", "event": "SYS-CONFIG_I"}),
        (b"<189>89: router: .Sep  6 14:12:56.872: %SYS-5-CONFIG_I: by admin",
         {"device_time": ".Sep  6 14:12:56.872", "host": "router", "app": "SYS"}),
        # NX-OS, IOS XR, ASA.
        (b"<189>: 2026 Nov 27 10:00:00 UTC: %ETHPORT-5-IF_UP: Interface Ethernet1/1 is up",
         {"device_time": "2026 Nov 27 10:00:00 UTC", "event": "ETHPORT-IF_UP"}),
        (b"<187>RP/0/RSP0/CPU0:Nov 27 10:00:00.123 UTC: ifmgr[219]: %PKT_INFRA-LINK-3-UPDOWN : x",
         {"app": "ifmgr", "procid": "219", "event": "PKT_INFRA-LINK-UPDOWN",
          "text": "RP/0/RSP0/CPU0: ifmgr[219]: %PKT_INFRA-LINK-3-UPDOWN : x"}),
        (b"<166>Jul 27 2014 10:00:00 fw01 : %ASA-6-302013: Built inbound TCP",
         {"host": "fw01", "event": "ASA-302013"}),
        # Huawei VRP, H3C Comware in its own form, in ISO time, and in China Mobile's form.
        (HUAWEI, {"level": 3, "device_time": "Nov 27 2026 10:00:00", "host": "SW-01",
                  "app": "IFNET", "event": "IFNET/linkDown_active"}),
        (b"<190>Jan 8 2013 03:58:15+07:00 HUAWEI %%01HWCM/5/EXIT(l)[1]: exit",
         {"device_time": "Jan 8 2013 03:58:15+07:00", "device_ms": None, "event": "HWCM/EXIT"}),
        (b"<187>Nov 27 10:00:00 2026 H3C %%10IFNET/3/PHY_UPDOWN: Physical state changed to down.",
         {"device_time": "Nov 27 10:00:00 2026", "host": "H3C", "event": "IFNET/PHY_UPDOWN"}),
        (b"<187>2009-09-21T15:32:55 Sysname %%10 IFNET/3/LINK_UPDOWN(l): Gi3/1/6 status is DOWN.",
         {"device_time": "2009-09-21T15:32:55", "device_ms": None, "host": "Sysname",
          "event": "IFNET/LINK_UPDOWN"}),
        (b"<189>Oct 9 14:59:04 2009 Sysname %10SHELL/5/SHELL_LOGIN: VTY logged in",
         {"event": "SHELL/SHELL_LOGIN"}),
        (b"<187>SW-01 %%01IFPDT/4/IF_STATE(l)[4]:Interface X has turned into DOWN state.",
         {"device_time": "", "host": "SW-01", "event": "IFPDT/IF_STATE"}),
        # Junos in both forms.
        (b"<28>Nov 27 10:00:00 mx1 mib2d[1234]: SNMP_TRAP_LINK_DOWN: ifIndex 531, ifName ge-0/0/1",
         {"host": "mx1", "app": "mib2d", "procid": "1234", "event": "SNMP_TRAP_LINK_DOWN"}),
        (b"<165>1 2007-02-15T09:17:15.719Z r1 mgd 3046 UI_DBASE_LOGOUT_EVENT [junos@2 u=\"x\"]",
         {"device_ms": 1_171_531_035_719, "event": "UI_DBASE_LOGOUT_EVENT", "text": "",
          "data": (("junos@2", "u", "x"),)}),
        # RFC 3164, 5.4: examples 1 and 2, and one of a program on Linux.
        (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
         {"facility": 4, "level": 2, "host": "mymachine", "app": "su", "event": "su"}),
        (b"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
         {"host": "10.0.0.99", "app": "", "event": "", "text": "Use the BFG!"}),
        (b"<38>Nov 27 10:00:00 srv1 sshd[4711]: Failed password for root",
         {"app": "sshd", "procid": "4711", "event": "sshd"}),
        (b"<4>Nov 27 10:00:00 kernel: eth0: link down", {"host": "", "event": "kernel"}),
        # RFC 5424, 6.5: examples, with escapes (6.3.3) and a BOM (6.4).
        (RFC_5424, {"form": "5424", "facility": 20, "level": 5, "host": "mymachine.example.com",
                    "app": "evntslog", "procid": "12", "msgid": "ID47", "event": "ID47",
                    "device_ms": 1_065_881_655_003, "text": "An entry",
                    "data": (("exampleSDID@32473", "iut", "3"),
                             ("exampleSDID@32473", "eventSource", 'A "b" \\ ]'),
                             ("priority@32473", "class", "high"))}),
        (b"<165>1 - - - - - - %% It's time.",
         {"form": "5424", "device_time": "", "host": "", "text": "%% It's time."}),
        # A year that no clock has is no instant: not every program can read it.
        (b"<34>1 9999-12-31T23:59:59-00:01 h a - - - x",
         {"form": "5424", "device_time": "9999-12-31T23:59:59-00:01", "device_ms": None}),
        (b"<34>1 0001-01-01T00:00:00+00:01 h a - - - x", {"form": "5424", "device_ms": None}),
        # Unsound structured data stay in the text; another version isn't RFC 5424.
        (b"<34>1 - h a - - [x y=z] rest", {"form": "5424", "data": (), "text": "[x y=z] rest"}),
        (b"<34>2 - h a - - - rest", {"form": "3164", "text": "2 - h a - - - rest"}),
        # RFC 3164, 4.3.3: without a sound priority, a notice; a vendor's level is one.
        (b"Use the BFG!", {"facility": None, "level": 5, "text": "Use the BFG!"}),
        (b"<192>x", {"facility": None, "level": 5, "text": "<192>x"}),
        (b"%LINK-3-UPDOWN: Interface X", {"facility": None, "level": 3}),
        # Texts: GBK, a character of UTF-8 that was cut, neither, and what can't be seen.
        ("<187>Nov 27 2026 10:00:00 核心 %%01IFNET/2/linkDown_active(l)[3]:接口断开".encode("gbk"),
         {"host": "核心", "text": "%%01IFNET/2/linkDown_active(l)[3]:接口断开"}),
        ("<13>接口断开".encode()[:-1], {"text": "接口断\ufffd"}),
        (b"<13>a\xff", {"text": "a\ufffd"}),
        (b"<13>\xef\xbb\xbfa\xc4\xe3", {"text": "\\ufeffa\ufffd\ufffd"}),
        ("<13>a\x1b[31m\tb\r\nc\x00\x7f\x9b\u202ed\n".encode(),
         {"text": "a␛[31m b␍␊c␀␡\\u009b\\u202ed"}),
    ],
)  # fmt: skip
def test_what_devices_send(octets: bytes, said: dict[str, object]) -> None:
    found = parse(octets)._asdict()
    assert {name: found[name] for name in said} == said


def test_our_own_messages_are_read_back() -> None:
    at = dt.datetime(2026, 11, 27, 2, 0, tzinfo=dt.UTC)
    octets = write_syslog(
        severity=1, created_at=at, host="dcim-1", event="alarm.raised",
        data={"port": 'a"]\\b', "n": 3}, words="机房断电", most_bytes=2_000,
    )  # fmt: skip
    found = parse(octets)
    assert (found.form, found.level, found.app) == ("5424", 1, "Jifang")
    assert (found.event, found.text) == ("alarm.raised", "机房断电")
    assert found.device_ms == int(at.timestamp() * 1000)
    assert found.data == (("jifang@32473", "port", 'a"]\\b'), ("jifang@32473", "n", "3"))


PIECES = st.sampled_from(
    [b"<189>", b"<1", b"1 ", b"- ", b"%", b"%%01", b"LINK-3-UPDOWN", b"IFNET/2/x", b": ",
     b"[a b=\"", b"\\", b"]", b"Nov 27 2026 10:00:00", b"2026-11-27T99:99:99Z ",
     b"9999-12-31T23:59:59-23:59 ",
     b"0001-01-01T00:00:00+23:59 ", b"123: ", b"RP/0/RSP0/CPU0:", b"host ", b"sshd[1]: ",
     b"\xef\xbb\xbf", "端".encode("gbk"), "口".encode(), b"\x00", b"\n", b"\x1b"]
)  # fmt: skip
DATAGRAMS = st.one_of(
    st.binary(max_size=400), st.lists(PIECES | st.binary(max_size=4), max_size=14).map(b"".join)
)


@given(DATAGRAMS)
@example(b"<13>" + b"%A-" * 2_700)
@example(b"<13>1 - - - - - [a" + b' b="' * 2_000)
@example(b"<13>" + b"\xff" * (LONGEST - 4))
@example(b"<13>" + b"\x1b" * (LONGEST - 4))
def test_whatever_comes_in_a_bounded_visible_message_comes_out(octets: bytes) -> None:
    found = parse(octets)
    assert 0 <= found.level <= 7
    assert found.facility is None or 0 <= found.facility <= 23
    longest = {"device_time": 64, "host": 255, "app": 64, "procid": 255, "msgid": 64, "event": 255}
    for name, most in longest.items():
        assert len(getattr(found, name)) <= most
    assert len(found.text) <= LONGEST_TEXT
    texts = [found.device_time, found.host, found.app, found.procid, found.event, found.text]
    for text in [*texts, *(word for each in found.data for word in each)]:
        assert not any(unicodedata.category(mark) in ("Cc", "Cs") for mark in text), text
    peek_kind(octets)
    entry = make_entry("u", 1, "192.0.2.1", None, None, found)
    assert decode_entries(encode_entries([entry], [("u", 2, 3)])) == Spooled([entry], [("u", 2, 3)])


def test_what_is_too_long_is_cut_where_it_can_be_seen() -> None:
    found = parse(b"<13>" + b"x" * 5_000)
    assert found.text == "x" * (LONGEST_TEXT - 1) + "…"


def test_the_same_said_again_is_the_same_but_for_time_and_numbers() -> None:
    def key(octets: bytes, source: str = "192.0.2.1") -> bytes:
        return key_of(source, parse(octets))

    again = CISCO.replace(b"123: *Mar  1 00:00:01.123", b"124: *Mar  1 00:00:02.456")
    assert key(again) == key(CISCO)
    assert key(HUAWEI.replace(b"[3]", b"[4]").replace(b"10:00:00", b"10:00:09")) == key(HUAWEI)
    assert key(RFC_5424.replace(b"14:15.003", b"14:16.003")) == key(RFC_5424)
    others = [
        CISCO.replace(b"down", b"up"), CISCO.replace(b"<189>", b"<187>"),
        CISCO.replace(b"LINK", b"LINEPROTO"), HUAWEI.replace(b"SW-01", b"SW-02"),
        RFC_5424.replace(b'iut="3"', b'iut="4"'),
    ]  # fmt: skip
    keys = [key(each) for each in (CISCO, HUAWEI, RFC_5424, *others)]
    assert len({*keys, key(CISCO, "192.0.2.2")}) == len(keys) + 1


@pytest.mark.parametrize(
    ("octets", "severity"),
    [
        (CISCO, "warning"),
        (CISCO.replace(b"down", b"up"), "clear"),
        (CISCO.replace(b"changed state to down", b"is odd"), None),
        (HUAWEI, "warning"),
        (HUAWEI.replace(b"_active", b"_clear"), "clear"),
        (b"<187>H3C %%10IFNET/3/PHY_UPDOWN: Physical state on X changed to up.", "clear"),
        (b"<187>X %%01IFPDT/4/IF_STATE(l)[4]:Interface X has turned into DOWN state.", "warning"),
        (b"<28>Nov 27 10:00:00 mx1 mib2d[1]: SNMP_TRAP_LINK_UP: ifIndex 531", "clear"),
        (b"<38>Nov 27 10:00:00 srv1 sshd[4711]: changed state to down", None),
    ],
)
def test_the_program_knows_links_of_the_families(octets: bytes, severity: str | None) -> None:
    told = parse(octets)
    found: Meaning | None = find_meaning(told.event, told.text, (Rules(), shipped_rules()))
    assert (found.severity if found else None) == severity


def test_shipped_rules_are_of_known_classes_and_found_by_what_devices_call_them() -> None:
    for event, rules in shipped_rules().of.items():
        assert name_event(event) == event
        for rule in rules:
            assert rule.meaning.alarm_class in TRAP_CLASSES
            assert rule.meaning.severity in SEVERITIES
            assert rule.meaning.text
            assert rule.meaning.text_en


def test_an_operators_rule_goes_first_and_the_longest_text_before_others() -> None:
    own = Rules()
    for number, contains in enumerate(("", "state", "STATE to Down")):
        own.add("LINK-UPDOWN", contains, Meaning("notice", "info", "", "", str(number)))

    def rule(text: str) -> str | None:
        found = find_meaning("LINK-UPDOWN", text, (own, shipped_rules()))
        return found and found.rule

    assert rule("changed State to down") == "2"
    assert rule("changed state to up") == "1"
    assert rule("端口") == "0"
    assert find_meaning("LINK-CHANGED", "now administratively down", (own,)) is None


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("%LINK-3-UPDOWN:", "LINK-UPDOWN"),
        (" %%01IFNET/2/linkDown_active(l)[3] ", "IFNET/linkDown_active"),
        ("LINK-3-UPDOWN", "LINK-UPDOWN"),
        ("IFNET/2/linkDown_active", "IFNET/linkDown_active"),
        ("LINK-UPDOWN", "LINK-UPDOWN"),
        ("IFNET/linkDown_active", "IFNET/linkDown_active"),
        ("SNMP_TRAP_LINK_DOWN", "SNMP_TRAP_LINK_DOWN"),
        ("my-3-program says", "my-3-program says"),
        ("sshd", "sshd"),
        ("", ""),
    ],
)
def test_a_person_may_write_an_event_as_the_device_does(words: str, event: str) -> None:
    assert name_event(words) == event


def test_kinds_are_told_apart_before_decoding() -> None:
    kinds = {peek_kind(each) for each in (CISCO, HUAWEI, RFC_5424, b"<38>sshd: x", b"", b"%")}
    assert len(kinds) == 5
    assert peek_kind(CISCO.replace(b"123", b"124").replace(b"Gi0/1", b"Gi0/2")) == peek_kind(CISCO)
    assert isinstance(parse(b""), Message)
