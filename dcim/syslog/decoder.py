"""From datagrams to entries on disk: `dcim.intake.decoder` for syslog."""

from dcim.intake.decoder import Decoder
from dcim.intake.frames import Datagram
from dcim.intake.repeats import Grown
from dcim.intake.senders import Sender
from dcim.syslog.entries import SyslogEntry, encode_entries, key_of, make_entry
from dcim.syslog.message import parse

EMPTY = "empty"


class SyslogDecoder(Decoder[SyslogEntry, Sender]):
    """Takes whatever says anything."""

    def _take(self, datagram: Datagram, sender: Sender, now_s: float) -> None:
        told = parse(datagram.octets)
        if not told.text and not told.data:
            self.drop(sender.agent_id, EMPTY)
            return
        source, at_ms = datagram.source, int(datagram.at_s * 1000)
        uid = self._name(key_of(source, told), at_ms, now_s)
        if uid:
            self.entries.append(
                make_entry(uid, at_ms, source, sender.agent_id, sender.device_id, told)
            )

    def _encode(self, entries: list[SyslogEntry], grown: list[Grown]) -> bytes:
        return encode_entries(entries, grown) if entries or grown else b""
