"""What reasons and causes mean and what to look at, in one sentence each: msgids for the faces."""

from collections.abc import Mapping
from typing import NamedTuple

from dcim.records.fields import mark


class Words(NamedTuple):
    """What it is called, and what it means for whoever is to do something about it."""

    name: str
    meaning: str


DROPS = {
    "unanswered": Words(
        mark("Not answered in time"),
        mark(
            "A request had no valid answer within its time; a few are loss on the way, "
            "many a busy agent or a filter."
        ),
    ),
    "late": Words(
        mark("Too late"),
        mark("An answer came when nothing was asked any more; the agent or the way to it is slow."),
    ),
    "late_report": Words(
        mark("Report too late"),
        mark("A report was about a request from before; harmless now and then."),
    ),
    "malformed": Words(
        mark("Not readable"),
        mark(
            "The datagram is no sound SNMP message; look at the agent's firmware, and "
            "whether a load balancer or a NAT answers for it."
        ),
    ),
    "unknown_request_id": Words(
        mark("Answer to nothing"),
        mark(
            "The number of the request is none we wait for: an answer after its time, or "
            "somebody guesses."
        ),
    ),
    "unknown_message_id": Words(
        mark("Message to nothing"),
        mark(
            "The number of the SNMPv3 message is none we wait for: an answer after its "
            "time, or somebody guesses."
        ),
    ),
    "wrong_source": Words(
        mark("From another address"),
        mark(
            "It came from an address that wasn't asked; of an agent with several "
            "addresses, poll the one it answers from, else somebody forges answers."
        ),
    ),
    "not_a_response": Words(
        mark("Not an answer"),
        mark("The datagram is a request or a trap; traps are to be sent to another port."),
    ),
    "wrong_version": Words(
        mark("Another version"),
        mark(
            "It answered in another SNMP version than it was asked in; look at the "
            "agent's settings."
        ),
    ),
    "wrong_community": Words(
        mark("Another community"),
        mark(
            "The answer bears another community than the request; somebody forges "
            "answers, or the agent is broken."
        ),
    ),
    "wrong_oid": Words(
        mark("Other objects"),
        mark("It answered with other objects than were asked for; look for newer firmware."),
    ),
    "wrong_index": Words(
        mark("Not a port's index"),
        mark("A row has an index that no port can have; look for newer firmware."),
    ),
    "not_a_number": Words(
        mark("Not a number"),
        mark("A counter came as something else than a number; look for newer firmware."),
    ),
    "not_a_text": Words(
        mark("Not a text"),
        mark("A name came as something else than a text; look for newer firmware."),
    ),
    "not_increasing": Words(
        mark("Walked backwards"),
        mark(
            "The agent answered with an object that lies before the one asked for; such a "
            "table can't be read to its end."
        ),
    ),
    "ended_early": Words(
        mark("Ended too early"),
        mark(
            "The agent answered with nothing where more was due; look for newer firmware, "
            "or ask it for less at once."
        ),
    ),
    "restarted": Words(
        mark("Restarted while read"),
        mark(
            "The agent's uptime went back while its ports were read; that reading is thrown away."
        ),
    ),
    "duplicate": Words(
        mark("Twice"),
        mark("The same answer came again; the network doubles datagrams, harmless now and then."),
    ),
    "stray_icmp": Words(
        mark("ICMP about nothing"),
        mark(
            "A network error was about a request we didn't send or that is over; many of "
            "them can be forged."
        ),
    ),
    "send_buffer_full": Words(
        mark("Couldn't be sent"),
        mark("This machine's send buffer was full; poll from more workers or raise net.core.wmem."),
    ),
    "socket_error": Words(
        mark("Socket error"),
        mark("This machine's network refused to read; look at its kernel log."),
    ),
    "wrong_digest": Words(
        mark("Wrong digest"),
        mark(
            "The message isn't signed with our key; somebody forges answers, or the pass "
            "phrase was changed on one side."
        ),
    ),
    "wrong_user": Words(
        mark("Another user"),
        mark("The SNMPv3 message names another user than ours."),
    ),
    "wrong_engine": Words(
        mark("Another engine"),
        mark(
            "The SNMPv3 engine id isn't the one asked; two devices share an address, or "
            "it was replaced."
        ),
    ),
    "wrong_level": Words(
        mark("Another security level"),
        mark("The answer is less or otherwise protected than the request; it is never believed."),
    ),
    "wrong_context": Words(
        mark("Another context"),
        mark("The answer is of another SNMPv3 context than the one asked for."),
    ),
    "wrong_security_model": Words(
        mark("Another security model"),
        mark("The message isn't protected by USM, the only SNMPv3 security we speak."),
    ),
    "not_in_time_window": Words(
        mark("Not in the time window"),
        mark(
            "The SNMPv3 clock of the message is more than 150 s off: a replay, or an "
            "agent that restarted without counting it."
        ),
    ),
    "reportable_reply": Words(
        mark("Answer that asks"),
        mark("An answer asked for a report of its own, which answers never do."),
    ),
    "unauthentic_report": Words(
        mark("Report without proof"),
        mark("A report about the clock wasn't signed; it is never believed."),
    ),
}

GAPS = {
    "silent": Words(
        mark("No poll kept"),
        mark(
            "The agent was silent or nobody polled it; counters go on, so the traffic is "
            "in the next sample unless that is a gap too."
        ),
    ),
    "first": Words(
        mark("First reading"),
        mark("There was nothing to compare with yet; the next poll has a sample."),
    ),
    "duplicate": Words(
        mark("Read twice"),
        mark("The same instant was recorded already; harmless."),
    ),
    "stale": Words(
        mark("Older than known"),
        mark("A newer reading was recorded before; two workers had the device for a moment."),
    ),
    "clock": Words(
        mark("Clock set"),
        mark(
            "The poller's clock was set, or the agent's uptime disagrees with it; look at "
            "time synchronisation."
        ),
    ),
    "too_long": Words(
        mark("Too long ago"),
        mark(
            "The poll before is more than 15 minutes old, so a mean over that time would "
            "say nothing."
        ),
    ),
    "missing": Words(
        mark("No counters"),
        mark(
            "The agent named no octet counters of this port in that poll; a module was "
            "out, or its view excludes them."
        ),
    ),
    "no_uptime": Words(
        mark("No uptime"),
        mark(
            "The agent didn't tell sysUpTime, so a restart couldn't be excluded; let its "
            "view include it."
        ),
    ),
    "reboot": Words(
        mark("Restarted"),
        mark("The agent started anew and its counters with it; what was counted before is lost."),
    ),
    "discontinuity": Words(
        mark("Counters reset"),
        mark(
            "The device says that this port's counters were interrupted; a card was "
            "changed, or they were cleared."
        ),
    ),
    "width": Words(
        mark("Counter changed width"),
        mark(
            "It changed between 32 and 64 bit counters; look whether the agent times out "
            "on the 64 bit ones."
        ),
    ),
    "went_back": Words(
        mark("Went back"),
        mark(
            "A counter was smaller than before without a restart; it was cleared, or the "
            "firmware is wrong."
        ),
    ),
    "ambiguous": Words(
        mark("Ambiguous"),
        mark(
            "A 32 bit counter may have wrapped more than once; poll more often or read 64 "
            "bit counters."
        ),
    ),
    "implausible": Words(
        mark("Impossible rate"),
        mark(
            "More was counted than the port's speed allows; check the speed, else the "
            "firmware is wrong."
        ),
    ),
    "unknown": Words(
        mark("Unknown reason"),
        mark("A newer version of this program wrote it."),
    ),
}

CAUSES = {
    "timeout": Words(
        mark("No answer"),
        mark(
            "The agent is off, the address is wrong, a filter drops the packets, or, with "
            "v1 and v2c, the community is wrong."
        ),
    ),
    "refused": Words(
        mark("Nobody listens"),
        mark(
            "The host answered that the port is closed or no way leads there; switch the "
            "agent on or correct the port."
        ),
    ),
    "unknown_user": Words(
        mark("Unknown user"),
        mark("The agent doesn't know this SNMPv3 user; make it there or correct the credential."),
    ),
    "wrong_digest": Words(
        mark("Wrong authentication"),
        mark("The authentication pass phrase or protocol is wrong."),
    ),
    "decryption": Words(
        mark("Wrong encryption"),
        mark("The encryption pass phrase or protocol is wrong."),
    ),
    "security_level": Words(
        mark("Security level refused"),
        mark("The agent doesn't allow this security level for the user."),
    ),
    "time_window": Words(
        mark("Clocks don't agree"),
        mark("Engine boots and time couldn't be agreed on; restarting the agent mostly helps."),
    ),
    "context": Words(
        mark("Unknown context"),
        mark("The agent has no such SNMPv3 context; correct the credential."),
    ),
    "too_slow": Words(
        mark("Too slow"),
        mark(
            "It answers, but not all in the time there is; look at its load, or whether "
            "its view can be made smaller."
        ),
    ),
    "not_allowed": Words(
        mark("Address not allowed"),
        mark(
            "The address lies outside the management networks, so no credential is sent "
            "there; see DCIM_SNMP_ALLOWED."
        ),
    ),
    "other": Words(
        mark("Answer can't be used"),
        mark("The agent answered, but not in a way that can be used; what it was stands beside."),
    ),
}


def words_of(table: Mapping[str, Words], reason: str) -> Words:
    """A reason that has no words, as of a newer version, is called what it is."""
    return table.get(reason) or Words(reason, "")
