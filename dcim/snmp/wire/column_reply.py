"""One column of a table over v2c, cheaply: a ready-made request, and a strict look at the reply.

The request reads sysUpTime and the rows of one column that follow an index. A reply is judged by
`_read_slowly`, which says in plain words what is accepted. `_read_fast` knows the bytes nearly all
agents send and reads them with one regular expression; where it isn't sure it leaves the reply to
the other, so the two never differ.

What of a device hardly ever changes (`Column.steady`: names) isn't even read: all that stands
before a reply's rows is looked at as ever, but rows that are octet by octet what the same question
was answered with the last time say what they said then.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import NamedTuple

from dcim.snmp.wire import ber
from dcim.snmp.wire.ber import BerError, Message, Oid, VarBind
from dcim.snmp.wire.if_mib import SYS_UPTIME

UNFRAGMENTED = 1_472  # what fits an Ethernet frame beside IPv4 and UDP headers
SMALLEST_ID, LARGEST_ID = 1 << 24, (1 << 31) - 1  # request-ids that always take four octets

_UPTIME = b"\x06\x08" + ber.encode_oid(SYS_UPTIME) + b"\x43"
_INTEGERS = frozenset((ber.INTEGER, ber.COUNTER32, ber.GAUGE32, ber.TIMETICKS, ber.COUNTER64))
# Octets of the largest value, with the zero octet before a set top bit.
_WIDEST = {ber.INTEGER: 4, ber.COUNTER32: 5, ber.GAUGE32: 5, ber.TIMETICKS: 5, ber.COUNTER64: 9}
_USUAL = {ber.INTEGER: 1, ber.COUNTER32: 3, ber.GAUGE32: 3, ber.TIMETICKS: 4, ber.COUNTER64: 6}
_LAST_INDEX_OCTETS = 5  # of an arc of 32 bits
_FRAME_OCTETS = 64  # of a reply but for its rows and its community, at most
LONGEST_TEXT = 255  # octets of a DisplayString (RFC 2579)
USUAL_TEXT = 24
_MOST_REMEMBERED = 128  # replies of an agent, of an Ethernet frame each
_ARCS = {
    1: rb"[\x00-\x7f]",
    2: rb"[\x81-\xff][\x00-\x7f]",
    3: rb"[\x81-\xff][\x80-\xff][\x00-\x7f]",
    4: rb"[\x81-\xff][\x80-\xff]{2}[\x00-\x7f]",
    5: rb"[\x81-\x8f][\x80-\xff]{3}[\x00-\x7f]",
}
_from_bytes = int.from_bytes


class Column:
    """A column of integers or of octet strings, indexed by one arc.

    `tag` is the type its MIB gives it; `usual` is how many octets its integers mostly take.
    `steady`: its values hardly ever change. `whole`: it is walked to its own end, not only as far
    as the columns before it go.
    """

    def __init__(
        self, oid: Oid, tag: int, *, usual: int = 0, steady: bool = False, whole: bool = False
    ) -> None:
        self.oid = oid
        self.tag = tag
        self.is_text = tag == ber.OCTET_STRING
        self.usual = usual or _USUAL.get(tag, 0)
        self.steady = steady
        self.whole = whole
        self.content = ber.encode_oid(oid)
        self._patterns: dict[int, re.Pattern[bytes]] = {}

    def pattern(self, index_octets: int) -> re.Pattern[bytes] | None:
        """The pattern of a row whose index takes so many octets: (index, value, all the rest)."""
        if not 1 <= index_octets <= _LAST_INDEX_OCTETS:
            return None
        found = self._patterns.get(index_octets)
        if found is None:
            found = self._patterns[index_octets] = re.compile(self._row(index_octets), re.DOTALL)
        return found

    def _row(self, index_octets: int) -> bytes:
        content = len(self.content) + index_octets
        widest = _WIDEST[self.tag]
        values = []  # they are tried in turn
        for size in sorted(range(1, widest + 1), key=lambda size: abs(size - self.usual)):
            whole = re.escape(bytes((4 + content + size,)))
            behind = rb"(?<=%b.{%d}%b)" % (whole, content + 3, re.escape(bytes((size,))))
            first = b"."
            if self.tag == ber.INTEGER:
                first = rb"[\x00-\x7f]"
            elif size == widest:
                first = rb"\x00"
            values.append(behind + first + b"." * (size - 1))
        return rb"0.\x06%b%b(%b)%b.(%b)|(.+)" % (
            re.escape(bytes((content,))),
            re.escape(self.content),
            _ARCS[index_octets],
            re.escape(bytes((self.tag,))),
            b"|".join(values),
        )

    @cached_property
    def row_octets(self) -> int:
        """Octets of the largest row, but for its index and its text."""
        return 6 + len(self.content) + _WIDEST.get(self.tag, 0)

    def rows_that_fit(self, last_index: int, community: bytes, text_octets: int = 0) -> int:
        """How many rows surely fit an unfragmented reply.

        With indexes no longer than this one, and texts of no more than so many octets.
        """
        octets = max(1, (last_index.bit_length() + 6) // 7)
        if self.is_text:
            octets += text_octets + (3 if text_octets > 100 else 0)  # lengths of more octets
        room = UNFRAGMENTED - _FRAME_OCTETS - len(community)
        return max(1, room // (self.row_octets + octets))


class Asked:
    """What a reply must fit: the request in flight. `after` is the last index had, or -1.

    `known` is what steady columns said the last time, `seen` what they say this time.
    """

    __slots__ = (
        "after", "column", "community", "head", "known", "middle", "request_id", "rows", "seen",
    )  # fmt: skip

    def __init__(self, community: bytes, known: Known | None = None) -> None:
        self.known = known or {}
        self.seen: Known = {}
        self.community = community
        self.head = _head(community)
        self.column = _NO_COLUMN
        self.after = -1
        self.rows = 0
        self.request_id = 0
        self.middle = b""

    def encode(self, request_id: int, pdu: int) -> bytes:
        """Make the request's datagram; the id is between SMALLEST_ID and LARGEST_ID."""
        four = request_id.to_bytes(4, "big")
        self.request_id = request_id
        # request-id, error-status 0, error-index 0, and the list of varbinds
        self.middle = b"\x02\x04" + four + b"\x02\x01\x00\x02\x01\x00\x30"
        before, behind = encode_request(self.community, pdu, self.column, self.after, self.rows)
        return before + four + behind


_NO_COLUMN = Column((1, 3), ber.INTEGER)


class ColumnRows(NamedTuple):
    """What an accepted reply says.

    `indexes` rise and stand beside their `values`, or in a column of texts their `texts`; `last` is
    the last index passed, values or not. `ended`: the column goes no further. `fault` is why the
    walk can't go on, else empty; `status` and `at` are the PDU's error-status and error-index.
    """

    uptime_ticks: int
    indexes: tuple[int, ...]
    values: list[int]
    last: int
    ended: bool
    fault: str = ""
    status: int = 0
    at: int = 0
    texts: tuple[bytes, ...] = ()


class Remembered(NamedTuple):
    """Rows as an agent once wrote them, `body`, and what was read from them."""

    body: bytes
    rows: ColumnRows


# By the question: the column, the index it was to start after, and how many rows were asked for.
Known = dict[tuple[Column, int, int], Remembered]


@lru_cache(maxsize=256)
def _head(community: bytes) -> bytes:
    """Version, community and the response's tag, as a reply must have them."""
    octets = ber.encode_value(ber.octet_string(community))
    return b"\x02\x01\x01" + octets + b"\xa2"


@lru_cache(maxsize=16_384)
def encode_request(
    community: bytes, pdu: int, column: Column, after: int, rows: int
) -> tuple[bytes, bytes]:
    """Encode a request but for the four octets of its id: what stands before and behind them."""
    cursor = column.oid if after < 0 else (*column.oid, after)
    varbinds = [VarBind(oid, ber.NULL_VALUE) for oid in (SYS_UPTIME[:-1], cursor)]
    numbers = (1, rows) if pdu == ber.GETBULK else (0, 0)
    # No octet of these two ids is the same, so the id is where the packets differ.
    one, other = (
        ber.encode_message(Message(ber.V2C, community, pdu, request_id, *numbers, varbinds))
        for request_id in (0x55555555, 0x2AAAAAAA)
    )
    at = next(place for place, octet in enumerate(one) if octet != other[place])
    return one[:at], one[at + 4 :]


def read_reply(packet: bytes, asked: Asked) -> ColumnRows | str:
    """Judge a datagram from the agent that was asked; a string says why it is no reply."""
    try:
        rows = _read_fast(packet, asked)
    except (IndexError, BerError):
        rows = None
    return _read_slowly(packet, asked) if rows is None else rows


# --- what is accepted


def _read_slowly(packet: bytes, asked: Asked) -> ColumnRows | str:
    try:
        message = ber.decode_message(packet)
    except BerError:
        return "malformed"
    reason = objection(message, asked)
    if reason:
        return reason
    if message.error_status:
        return ColumnRows(
            0, (), [], asked.after, False, "", message.error_status, message.error_index
        )
    uptime = message.varbinds[0].value.data if message.varbinds else 0
    ticks = uptime if isinstance(uptime, int) else 0
    return _take(ticks, message.varbinds[1:], asked, asked.after)


def objection(message: Message, asked: Asked) -> str:  # noqa: PLR0911 - one per check
    """Say why a message is no answer to what was asked; empty when it is."""
    if message.request_id != asked.request_id:
        return "unknown_request_id"
    if message.pdu != ber.RESPONSE:
        return "not_a_response"
    if message.version != ber.V2C:
        return "wrong_version"
    if message.community != asked.community:
        return "wrong_community"
    if message.error_status:
        return ""
    if not 1 <= len(message.varbinds) <= 1 + asked.rows:
        return "wrong_oid"
    oid, value = message.varbinds[0]
    if oid != SYS_UPTIME or value.tag not in _INTEGERS or not _fits(value.data, 32):
        return "wrong_oid"
    return ""


def _take(uptime: int, varbinds: list[VarBind], asked: Asked, after: int) -> ColumnRows:
    """Read the rows of one column; the first foreign OID and endOfMibView are its end.

    A text longer than its MIB allows is passed over: the row has no value.
    """
    column = asked.column.oid
    depth = len(column)
    place = column if after < 0 else (*column, after)
    indexes: list[int] = []
    values: list[int] = []
    texts: list[bytes] = []
    is_text = asked.column.is_text
    ended = False
    fault = "" if varbinds else "ended_early"
    for oid, (tag, data) in varbinds:
        if tag == ber.END_OF_MIB_VIEW:
            ended = True
            continue
        if oid <= place:
            fault = "not_increasing"
            break
        place = oid
        if ended or oid[:depth] != column:
            ended = True
            continue
        if len(oid) != depth + 1:
            fault = "wrong_index"
            break
        after = oid[depth]
        if tag in ber.EXCEPTIONS or tag == ber.NULL:
            continue
        if is_text:
            if tag != ber.OCTET_STRING or not isinstance(data, bytes):
                fault = "not_a_text"
                break
            if len(data) <= LONGEST_TEXT:
                indexes.append(after)
                texts.append(data)
        elif tag in _INTEGERS and isinstance(data, int) and _fits(data, 64):
            indexes.append(after)
            values.append(data)
        else:
            fault = "not_a_number"
            break
    return ColumnRows(uptime, tuple(indexes), values, after, ended, fault, texts=tuple(texts))


def _fits(number: object, bits: int) -> bool:
    return isinstance(number, int) and 0 <= number < 1 << bits


# --- the same, fast


def _read_fast(packet: bytes, asked: Asked) -> ColumnRows | None:  # noqa: PLR0911
    """Read a reply of the usual shape; None (or IndexError, BerError) leaves it to the slow way."""
    size = len(packet)
    head, middle = asked.head, asked.middle
    if packet[0] != ber.SEQUENCE:
        return None
    at = _content_to_end(packet, 1, size)
    if not at or not packet.startswith(head, at):
        return None
    at = _content_to_end(packet, at + len(head), size)
    if not at or not packet.startswith(middle, at):
        return None
    at = _content_to_end(packet, at + len(middle), size)
    if not at or packet[at] != ber.SEQUENCE or not packet.startswith(_UPTIME, at + 2):
        return None
    length = packet[at + 13]
    stop = at + 14 + length
    if packet[at + 1] != 12 + length or not 1 <= length <= 5 or stop > size:
        return None
    uptime = _from_bytes(packet[at + 14 : stop], "big")
    if uptime >> 32:
        return None
    if asked.column.steady:
        return _read_steady(packet, stop, asked, uptime)
    return _read_rows(packet, stop, asked, uptime)


def _read_steady(packet: bytes, at: int, asked: Asked, uptime: int) -> ColumnRows | None:
    question = (asked.column, asked.after, asked.rows)
    known = asked.known.get(question)
    if known is None or not _is_same(packet, at, known.body):
        if len(packet) > UNFRAGMENTED:
            return _read_rows(packet, at, asked, uptime)
        known = _read_body(*question, packet[at:])
        if known is None:
            return None
    if len(asked.seen) < _MOST_REMEMBERED:
        asked.seen[question] = known
    _, indexes, values, last, ended, _, _, _, texts = known.rows
    return ColumnRows(uptime, indexes, values, last, ended, texts=texts)


def _is_same(packet: bytes, at: int, body: bytes) -> bool:
    return len(packet) - at == len(body) and packet.startswith(body, at)


@lru_cache(maxsize=1_024)
def _read_body(column: Column, after: int, rows: int, body: bytes) -> Remembered | None:
    """Read rows that stand alone; agents of a kind say the same, and share what is remembered."""
    asked = Asked(b"")
    asked.column, asked.after, asked.rows = column, after, rows
    found = _read_rows(body, 0, asked, 0)
    return None if found is None or found.fault else Remembered(body, found)


def _content_to_end(packet: bytes, at: int, size: int) -> int:
    """Where the content starts of a frame that ends with the packet; `at` is its length's place.

    0 when it ends elsewhere.
    """
    length = packet[at]
    if length == 0x82:
        length = packet[at + 1] << 8 | packet[at + 2]
        at += 3
    elif length == 0x81:
        length = packet[at + 1]
        at += 2
    elif length < 0x80:
        at += 1
    else:
        return 0
    return at if at + length == size else 0


def _read_rows(packet: bytes, at: int, asked: Asked, uptime: int) -> ColumnRows | None:
    column = asked.column
    indexes: tuple[int, ...] = ()
    values: list[int] = []
    last = asked.after
    size = len(packet)
    while at < size and not column.is_text:
        pattern = column.pattern(packet[at + 3] - len(column.content))
        if pattern is None:
            break
        found = pattern.findall(packet, at)
        rest = found[-1][2]
        if rest:
            found.pop()
            if not found:
                break
        arcs, numbers, _ = zip(*found, strict=True)
        run = read_indexes(b"".join(arcs))
        if not run or run[0] <= last:
            return None
        last = run[-1]
        indexes = indexes + run if indexes else run
        values += map(_from_bytes, numbers)
        at = size - len(rest)
    if len(indexes) > asked.rows:
        return None
    if at == size:
        return ColumnRows(uptime, indexes, values, last, False) if indexes else None
    tail = ber.read_varbinds(packet, at, size)
    if len(indexes) + len(tail) > asked.rows:
        return None
    end = _take(uptime, tail, asked, last)
    return end._replace(indexes=indexes + end.indexes, values=values + end.values)


@lru_cache(maxsize=4_096)
def read_indexes(arcs: bytes) -> tuple[int, ...]:
    """Read arcs that stand one behind the other; empty when they don't rise.

    Agents of a kind have the same indexes, so most replies need no reading of them.
    """
    indexes = []
    last, arc = -1, 0
    for octet in arcs:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            if arc <= last:
                return ()
            indexes.append(arc)
            last, arc = arc, 0
    return tuple(indexes)
