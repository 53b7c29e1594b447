"""What reasons mean for which a datagram wasn't taken as a trap, in one sentence each."""

from dcim.records.fields import mark
from dcim.snmp.health.words import Words

TRAP_DROPS = {
    "unknown_source": Words(
        mark("Unknown address"),
        mark(
            "It came from an address that is neither polled nor inside DCIM_TRAP_ALLOWED;"
            " register the device, or add its network."
        ),
    ),
    "too_long": Words(
        mark("Too long"), mark("A datagram of more than 8 KiB, which no trap needs.")
    ),
    "source_rate": Words(
        mark("Too many of one device"),
        mark(
            "A device sent more than DCIM_TRAP_SOURCE_RATE allows; the first of each kind was"
            " kept all the same."
        ),
    ),
    "total_rate": Words(
        mark("Too many in all"),
        mark(
            "All devices together sent more than DCIM_TRAP_TOTAL_RATE allows; the first of each"
            " kind and device was kept all the same."
        ),
    ),
    "malformed": Words(
        mark("Not readable"), mark("The datagram is no sound SNMP message; look at its sender.")
    ),
    "not_a_trap": Words(
        mark("No trap"),
        mark("The datagram is a request or an answer: somebody asks or scans this port."),
    ),
    "wrong_version": Words(
        mark("Another version"),
        mark("The device is polled over SNMPv3, so what comes over v1 or v2c isn't believed."),
    ),
    "wrong_community": Words(
        mark("Wrong community"),
        mark(
            "Neither the community that the device is polled with nor one kept for traps: a"
            " credential that no device is polled with."
        ),
    ),
    "unknown_user": Words(
        mark("Unknown user"),
        mark("The SNMPv3 message names a user that none of our credentials has."),
    ),
    "wrong_digest": Words(
        mark("Wrong signature"),
        mark("The message isn't signed by its user: a wrong pass phrase, or a forgery."),
    ),
    "wrong_level": Words(
        mark("Another security level"),
        mark("The message is signed or encrypted otherwise than the credential says."),
    ),
    "wrong_engine": Words(
        mark("Another engine"),
        mark(
            "Another SNMPv3 engine than the device was first heard with. If it was replaced, say"
            " so on this page."
        ),
    ),
    "wrong_context": Words(
        mark("Another context"), mark("The SNMPv3 context isn't the credential's.")
    ),
    "wrong_security_model": Words(
        mark("Another security model"), mark("Only the user-based security model is understood.")
    ),
    "not_in_time_window": Words(
        mark("Not fresh"),
        mark("The message is older than 150 seconds, or of before the device's last start."),
    ),
    "replayed": Words(
        mark("Heard before"),
        mark("The very same signed message came again: the network doubled it, or a replay."),
    ),
    "report_rate": Words(
        mark("Asked too often"),
        mark("Senders of informs asked for our engine more than once a second; not answered."),
    ),
    "unauthenticated": Words(
        mark("Inform without a signature"),
        mark("It can't be answered, as anybody might have sent it; use a user with a pass phrase."),
    ),
    "unsupported_privacy": Words(
        mark("DES"), mark("Traps encrypted with DES or 3DES aren't read; use AES at the device.")
    ),
    "decoder_busy": Words(
        mark("Decoder too slow"), mark("More came than could be decoded; the machine is too busy.")
    ),
    "kernel_overflow": Words(
        mark("Buffer full"),
        mark("The kernel dropped it before it was read; raise net.core.rmem_max."),
    ),
    "spool_full": Words(
        mark("No room on disk"),
        mark("The database was away and DCIM_TRAP_SPOOL_LIMIT_BYTES was reached."),
    ),
    "unexpected": Words(
        mark("Our mistake"), mark("The receiver failed at it; the log says how. Please report it.")
    ),
}
