"""The words of syslog's levels, and of the reasons for which a datagram wasn't taken."""

from dcim.records.fields import mark
from dcim.snmp.health.words import Words
from dcim.web.noc.trap_words import TRAP_DROPS

# RFC 5424, table 2.
LEVELS = {
    0: mark("0 emergency"),
    1: mark("1 alert"),
    2: mark("2 critical"),
    3: mark("3 error"),
    4: mark("4 warning"),
    5: mark("5 notice"),
    6: mark("6 informational"),
    7: mark("7 debugging"),
}
# RFC 5424, table 1, by the names they have in every program's configuration.
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8)),
)  # fmt: skip

SYSLOG_DROPS = {
    "unknown_source": Words(
        mark("Unknown address"),
        mark(
            "It came from an address that is neither polled nor inside DCIM_SYSLOG_IN_ALLOWED;"
            " register the device, or add its network."
        ),
    ),
    "too_long": Words(
        mark("Too long"), mark("A datagram of more than 8 KiB, which no message needs.")
    ),
    "source_rate": Words(
        mark("Too many of one device"),
        mark(
            "A device sent more than DCIM_SYSLOG_IN_SOURCE_RATE allows; the first of each kind was"
            " kept all the same."
        ),
    ),
    "total_rate": Words(
        mark("Too many in all"),
        mark(
            "All devices together sent more than DCIM_SYSLOG_IN_TOTAL_RATE allows; the first of"
            " each kind and device was kept all the same."
        ),
    ),
    "empty": Words(mark("Nothing in it"), mark("The datagram has no text.")),
    "spool_full": Words(
        mark("No room on disk"),
        mark("The database was away and DCIM_SYSLOG_IN_SPOOL_LIMIT_BYTES was reached."),
    ),
    **{name: TRAP_DROPS[name] for name in ("decoder_busy", "kernel_overflow", "unexpected")},
}
