"""Echo rounds against hosts that lose, delay, double and forge, and for real over loopback."""

import asyncio
import errno
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.probing.carriers import Carrier, Refusal, measure_wait, open_icmp
from dcim.probing.echo import Echoed, IcmpEchoes, run_rounds
from dcim.probing.echo_message import (
    checksum,
    read_reply,
    strip_ipv4,
    write_request,
)
from dcim.probing.rounds import EchoTarget, Pace, Round, plan_echoes
from tests.unit.probing.stand_in import (
    Answers,
    Habit,
    StandIn,
    UdpCarrier,
    reply_of,
    steady,
    write_reply,
)

QUICK = Pace(spacing_s=0.02, timeout_s=0.25, linger_s=0.15)
HOST, OTHER = "127.0.0.41", "127.0.0.42"


def run_against(habits: dict[str, Habit], *targets: EchoTarget, pace: Pace = QUICK) -> Echoed:
    async def work() -> Echoed:
        hosts = StandIn({**habits})
        await hosts.start()
        try:
            return await run_rounds(
                targets, pace=pace, carriers=lambda *, ipv6: UdpCarrier(hosts.port, ipv6=ipv6)
            )
        finally:
            hosts.close()

    return asyncio.run(work())


def test_answers_are_matched_to_their_echoes() -> None:
    found = run_against(
        {HOST: steady(HOST), OTHER: steady(OTHER, 0.1)}, EchoTarget(1, HOST), EchoTarget(2, OTHER)
    )
    near, far = found.rounds
    assert len(near.rtts_us) == len(far.rtts_us) == 5
    assert all(rtt is not None and 0 < rtt < 100_000 for rtt in near.rtts_us)
    assert all(rtt is not None and 100_000 <= rtt < 250_000 for rtt in far.rtts_us)
    assert near.way == "UDP stand-in"
    assert not near.problem
    assert not found.strays


def test_what_is_lost_has_no_time() -> None:
    def loses(turn: int, message: bytes) -> Answers:
        return [] if turn in (1, 4) else [(0, HOST, reply_of(message))]

    [round_] = run_against({HOST: loses}, EchoTarget(1, HOST)).rounds
    assert [rtt is None for rtt in round_.rtts_us] == [False, True, False, False, True]


def test_a_late_answer_is_counted_and_not_believed() -> None:
    def dawdles(turn: int, message: bytes) -> Answers:
        return [(0.3 if turn == 0 else 0, HOST, reply_of(message))]

    [round_] = run_against({HOST: dawdles}, EchoTarget(1, HOST, count=3)).rounds
    assert [rtt is None for rtt in round_.rtts_us] == [True, False, False]
    assert (round_.late, round_.duplicates) == (1, 0)


def test_a_double_is_counted_and_changes_nothing() -> None:
    def doubles(_turn: int, message: bytes) -> Answers:
        return [(0, HOST, reply_of(message)), (0.1, HOST, reply_of(message))]

    [round_] = run_against({HOST: doubles}, EchoTarget(1, HOST, count=3)).rounds
    assert round_.duplicates == 3
    assert all(rtt is not None and rtt < 100_000 for rtt in round_.rtts_us)


def test_forged_answers_are_strays() -> None:
    def forges(turn: int, message: bytes) -> Answers:
        payload = bytearray(reply_of(message))
        identifier, sequence = message[4:6], message[6:8]
        if turn == 0:  # from another address
            return [(0, OTHER, reply_of(message))]
        if turn == 1:  # who knows the numbers, but didn't see the token
            forged = write_request(
                int.from_bytes(identifier), int.from_bytes(sequence), b"x" * 16, ipv6=False
            )
            return [(0, HOST, reply_of(forged))]
        if turn == 2:  # another sequence number
            forged = write_request(
                int.from_bytes(identifier), int.from_bytes(sequence) ^ 0x4000, b"x" * 16, ipv6=False
            )
            return [(0, HOST, reply_of(forged))]
        if turn == 3:  # damaged on its way
            payload[20] ^= 1
            return [(0, HOST, bytes(payload))]
        return [(0, HOST, message)]  # our own request, sent back

    found = run_against({HOST: forges, OTHER: lambda *_: []}, EchoTarget(1, HOST))
    assert found.rounds[0].rtts_us == [None] * 5
    assert found.strays == {
        "wrong_source": 1, "wrong_payload": 1, "not_asked": 1, "no_reply": 2,
    }  # fmt: skip


@pytest.mark.parametrize("guard", ["source", "payload", "checksum", "double"])
def test_each_guard_is_needed(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without it, a forgery of the tests above is believed."""

    def forges(turn: int, message: bytes) -> Answers:
        reply = bytearray(reply_of(message))
        if guard == "source":
            return [(0, OTHER, bytes(reply))]
        if guard == "payload":
            numbers = int.from_bytes(message[4:6]), int.from_bytes(message[6:8])
            return [(0, HOST, reply_of(write_request(*numbers, b"x" * 16, ipv6=False)))]
        if guard == "checksum":
            reply[2] ^= 0x55
            return [(0, HOST, bytes(reply))]
        return [(0, HOST, bytes(reply)), (0.1, HOST, bytes(reply))]

    habits: dict[str, Habit] = {HOST: forges, OTHER: lambda *_: []}
    target = EchoTarget(1, HOST, count=2)
    guarded = run_against(habits, target).rounds[0]
    if guard == "source":
        heard = UdpCarrier.receive

        def blind(self: UdpCarrier) -> tuple[bytes, str, int] | None:
            found = heard(self)
            return found and (found[0], HOST, 0)

        monkeypatch.setattr(UdpCarrier, "receive", blind)
    elif guard == "payload":
        monkeypatch.setattr("dcim.probing.echo.secrets.compare_digest", lambda *_: True)
    elif guard == "checksum":
        monkeypatch.setattr("dcim.probing.echo_message.checksum", lambda _: 0)
    else:
        monkeypatch.setattr(IcmpEchoes, "_receive", _receive_twice)
    unguarded = run_against(habits, target).rounds[0]
    if guard == "double":
        assert all(rtt is not None and rtt < 100_000 for rtt in guarded.rtts_us)
        assert all(rtt is not None and rtt >= 100_000 for rtt in unguarded.rtts_us)
    else:
        assert guarded.rtts_us == [None, None]
        assert None not in unguarded.rtts_us


_receive_once = IcmpEchoes._receive


def _receive_twice(self: IcmpEchoes, message: bytes, source: str, at_ns: int) -> None:
    for sent in self._sent.values():
        sent.answered = False
    _receive_once(self, message, source, at_ns)


def test_many_targets_share_one_carrier_and_the_dead_hold_nobody_up() -> None:
    alive = [f"127.0.1.{n}" for n in range(1, 51)]
    dead = [f"127.0.2.{n}" for n in range(1, 151)]
    targets = [
        EchoTarget(n, address, count=3) for n, address in enumerate([*dead, *alive], start=1)
    ]
    pace = Pace(spacing_s=0.02, timeout_s=0.5, linger_s=0, most_per_s=2_000)

    async def work() -> tuple[Echoed, float, int]:
        hosts = StandIn({address: steady(address) for address in alive})
        await hosts.start()
        opened: list[UdpCarrier] = []

        def carriers(*, ipv6: bool) -> Carrier:
            opened.append(UdpCarrier(hosts.port, ipv6=ipv6))
            return opened[-1]

        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await run_rounds(targets, pace=pace, carriers=carriers)
        took = loop.time() - began
        hosts.close()
        return found, took, len(opened)

    found, took, sockets = asyncio.run(work())
    assert sockets == 1
    assert sum(None not in each.rtts_us for each in found.rounds) == 50
    assert sum(each.rtts_us == [None] * 3 for each in found.rounds) == 150
    assert took < pace.longest_s(targets) + 0.5


def test_what_cannot_be_sent_is_not_lost() -> None:
    class Stuck(UdpCarrier):
        def send(self, message: bytes, address: str) -> None:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

    found = asyncio.run(
        run_rounds([EchoTarget(1, HOST)], pace=QUICK, carriers=lambda *, ipv6: Stuck(9, ipv6=ipv6))
    )
    [round_] = found.rounds
    assert (round_.rtts_us, round_.unsent) == ([], 5)
    assert round_.problem == "Network is unreachable"


# --- TCP


@contextmanager
def listening(address: str) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, 0))
        server.listen(64)
        yield server.getsockname()[1]


def echo_once(target: EchoTarget, *, pace: Pace = QUICK) -> Round:
    def refuses(*, ipv6: bool) -> Refusal:
        return Refusal("ICMP is not allowed: raw socket (CAP_NET_RAW): Operation not permitted")

    return asyncio.run(run_rounds([target], pace=pace, carriers=refuses)).rounds[0]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_open_and_a_closed_port_both_answer(address: str) -> None:
    with listening(address) as port:
        opened = echo_once(EchoTarget(1, address, "tcp", port, 3))
    closed = echo_once(EchoTarget(1, address, "tcp", 1, 3))
    for round_ in (opened, closed):
        assert len(round_.rtts_us) == 3
        assert None not in round_.rtts_us
        assert not round_.problem
    assert opened.way == f"TCP connect to port {port}"


def test_a_port_that_is_silent_is_lost() -> None:
    """A listener whose queue is full drops SYNs, as a firewall does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        round_ = echo_once(EchoTarget(1, "127.0.0.1", "tcp", port, 2))
        for each in fillers:
            each.close()
    assert round_.rtts_us == [None, None]
    assert round_.unsent == 0


def test_without_icmp_a_target_with_a_port_goes_by_tcp_and_says_so() -> None:
    with listening("127.0.0.1") as port:
        round_ = echo_once(EchoTarget(1, "127.0.0.1", "icmp", port, 2))
    assert (round_.method, round_.way) == ("tcp", f"TCP connect to port {port}")
    assert "CAP_NET_RAW" in round_.instead_of
    assert None not in round_.rtts_us


def test_without_icmp_and_without_a_port_nothing_was_sent() -> None:
    round_ = echo_once(EchoTarget(1, "127.0.0.1", count=2))
    assert (round_.rtts_us, round_.unsent) == ([], 2)
    assert "CAP_NET_RAW" in round_.problem


def test_tcp_without_a_way_out_is_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.ENETUNREACH)
    round_ = echo_once(EchoTarget(1, "192.0.2.1", "tcp", 80, 2))
    assert (round_.rtts_us, round_.unsent) == ([], 2)
    assert round_.problem == "Network is unreachable"


# --- for real


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_real_icmp_over_loopback(address: str) -> None:
    carrier = open_icmp(ipv6=":" in address)
    if isinstance(carrier, Refusal):
        pytest.skip(carrier.why)
    carrier.close()
    found = asyncio.run(run_rounds([EchoTarget(1, address, count=4)], pace=QUICK))
    [round_] = found.rounds
    assert len(round_.rtts_us) == 4
    assert all(rtt is not None and 0 < rtt < 250_000 for rtt in round_.rtts_us)
    assert round_.way in ("raw ICMP socket", "ICMP datagram socket")


@pytest.mark.parametrize("stamped", [True, False])
def test_a_busy_process_lengthens_no_round_trip(
    stamped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's stamp tells when the answer came; the control is without it."""
    carrier = open_icmp(ipv6=False)
    if isinstance(carrier, Refusal):
        pytest.skip(carrier.why)
    if not stamped:
        monkeypatch.setattr("dcim.probing.carriers.measure_wait", lambda *_: 0)
    echoes = IcmpEchoes(carrier, 1.0, Counter())
    round_ = Round(EchoTarget(1, "127.0.0.1"))
    echoes.send(round_)
    time.sleep(0.2)
    echoes.drain()
    carrier.close()
    [rtt] = round_.rtts_us
    assert rtt is not None
    assert (rtt < 100_000) == stamped


@pytest.mark.parametrize(
    "stamp", [b"", b"short", struct.pack("@ll", 2, 0), struct.pack("@ll", -100, 0)]
)
def test_stamps_that_cannot_be_are_left_aside(stamp: bytes) -> None:
    assert measure_wait([(socket.SOL_SOCKET, 35, stamp)], 1_000_000_000) == 0


def test_a_stamp_tells_the_wait() -> None:
    stamp = struct.pack("@ll", 1, 500)
    assert measure_wait([(socket.SOL_SOCKET, 35, stamp)], 1_000_002_000) == 1_500


IN_OWN_NETWORK = """
import asyncio, fcntl, socket, struct
from dcim.probing.carriers import open_icmp
from dcim.probing.echo import run_rounds
from dcim.probing.rounds import EchoTarget, Pace
with open("/proc/sys/net/ipv4/ping_group_range", "w") as file:
    file.write("0 0")
with socket.socket() as sock:  # lo up
    fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 0x49))
targets = [EchoTarget(1, "127.0.0.1", count=3), EchoTarget(2, "::1", count=3),
           EchoTarget(3, "192.0.2.1", count=3)]
for each in asyncio.run(run_rounds(targets, pace=Pace(spacing_s=0.02, timeout_s=0.5))).rounds:
    answered = sum(rtt is not None for rtt in each.rtts_us)
    print(each.way, "/", answered, "/", each.unsent, each.problem)
"""


def test_real_datagram_sockets_in_a_network_of_their_own() -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare here")
    done = subprocess.run(
        [unshare, "-rn", sys.executable, "-c", IN_OWN_NETWORK],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr or "unshare failed" in done.stderr:
        pytest.skip("this machine gives nobody a network of their own")
    assert done.stdout.splitlines() == [
        "ICMP datagram socket / 3 / 0 ",
        "ICMP datagram socket / 3 / 0 ",
        "ICMP datagram socket / 0 / 3 Network is unreachable",
    ], done.stderr


# --- messages


@given(st.binary(max_size=200), st.booleans())
def test_hostile_messages_never_raise(message: bytes, ipv6: bool) -> None:
    read_reply(message, ipv6=ipv6)
    strip_ipv4(message)


@given(st.lists(st.tuples(st.binary(max_size=120), st.sampled_from([HOST, "", "nonsense"]))))
def test_hostile_datagrams_change_nothing(heard: list[tuple[bytes, str]]) -> None:
    class Hostile(UdpCarrier):
        def __init__(self) -> None:
            self.ipv6, self.identifier, self.left = False, None, list(heard)

        def send(self, message: bytes, address: str) -> None:
            pass

        def receive(self) -> tuple[bytes, str, int] | None:
            return (*self.left.pop(), 0) if self.left else None

    strays: Counter[str] = Counter()
    echoes = IcmpEchoes(Hostile(), 1.0, strays)
    round_ = Round(EchoTarget(1, HOST))
    echoes.send(round_)
    echoes.drain()
    assert round_.rtts_us == [None]
    assert strays.total() == len(heard)
    assert echoes.waiting == 1


@given(
    st.integers(0, 65_535), st.integers(0, 65_535), st.binary(min_size=16, max_size=16),
    st.booleans(),
)  # fmt: skip
def test_a_reply_carries_what_the_request_did(
    identifier: int, sequence: int, token: bytes, ipv6: bool
) -> None:
    request = write_request(identifier, sequence, token, ipv6=ipv6)
    assert len(request) == 64
    assert read_reply(request, ipv6=ipv6) is None
    reply = read_reply(write_reply(request, ipv6=ipv6), ipv6=ipv6)
    assert reply is not None
    assert (reply.identifier, reply.sequence) == (identifier, sequence)
    assert reply.payload[:16] == token


def test_checksum_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_ipv4_header_with_options_is_stripped() -> None:
    assert strip_ipv4(bytes([0x46]) + bytes(23) + b"icmp") == b"icmp"
    assert strip_ipv4(bytes([0x44]) + bytes(23) + b"icmp") == b""
    assert strip_ipv4(bytes([0x66]) + bytes(23)) == b""


def test_sequence_numbers_come_round() -> None:
    class Sink(UdpCarrier):
        def __init__(self) -> None:
            self.ipv6, self.identifier = False, 7

        def send(self, message: bytes, address: str) -> None:
            pass

    echoes = IcmpEchoes(Sink(), 1.0, Counter())
    round_ = Round(EchoTarget(1, HOST))
    for _ in range(65_536 + 3):
        echoes.send(round_)
    assert echoes.waiting == 65_536


# --- targets and pace


@pytest.mark.parametrize(
    ("address", "fields", "words"),
    [
        ("router.example", {}, "router.example"),
        ("224.0.0.1", {}, "one host"),
        ("0.0.0.0", {}, "one host"),  # noqa: S104
        ("fe80::1%eth0", {}, "one host"),
        ("255.255.255.255", {}, "broadcast"),
        ("192.0.2.1", {"method": "tcp"}, "needs a port"),
        ("192.0.2.1", {"method": "udp"}, "no method"),
        ("192.0.2.1", {"tcp_port": 70_000}, "from 1 to 65535"),
        ("192.0.2.1", {"count": 0}, "from 1 to 20"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    address: str, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        EchoTarget(1, address, **fields)  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60), st.integers(1, 1_000))
def test_the_pace_is_never_exceeded(counts: list[int], most_per_s: int) -> None:
    pace = Pace(most_per_s=most_per_s)
    rounds = [Round(EchoTarget(n, HOST, count=count)) for n, count in enumerate(counts)]
    plan = list(plan_echoes(rounds, pace))
    times = [at for at, _ in plan]
    assert len(plan) == sum(counts)
    assert times == sorted(times)
    assert times[-1] + pace.timeout_s <= pace.longest_s([each.target for each in rounds])
    gap = 1 / most_per_s - 1e-9
    assert all(after - before >= gap for before, after in pairwise(times))
    for each in rounds:
        own = [at for at, asked in plan if asked is each]
        assert all(b - a >= pace.spacing_s - 1e-9 for a, b in pairwise(own))
