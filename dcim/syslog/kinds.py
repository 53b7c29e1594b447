"""What operators say that messages mean, as a kind of record: list, forms, API and import."""

from dcim.accounts.roles import Right
from dcim.records.fields import ChoiceType, Field, TextType, mark
from dcim.records.kinds import Kind
from dcim.snmp.traps.kinds import CLASS_WORDS, SEVERITY_WORDS
from dcim.syslog.mappings import (
    check_mapping,
    create_mapping,
    delete_mapping,
    settle_mappings,
    update_mapping,
)
from dcim.syslog.models import SyslogMapping

SYSLOG_MAPPING = Kind(
    name="syslog_mapping",
    plural="syslog-mappings",
    label=mark("Syslog mapping"),
    label_plural=mark("Syslog mappings"),
    model=SyslogMapping,
    fields=(
        Field("event", mark("Message"), TextType(), required=True, bulk=False, copied=False,
              hint=mark("As the device calls it: LINK-3-UPDOWN, IFNET/2/linkDown_active, or the"
                        " program's name, like sshd. Its level doesn't matter.")),
        Field("contains", mark("Text contains"), TextType(), default="", bulk=False,
              hint=mark("Only then, capitals or not; empty: whatever it says."
                        " “changed state to down”, for one.")),
        Field("alarm_class", mark("Class"), ChoiceType(CLASS_WORDS), required=True),
        Field("severity", mark("Severity"), ChoiceType(SEVERITY_WORDS), required=True,
              hint=mark("Cleared: it ends what another message told.")),
        Field("meaning", mark("Meaning"), TextType(), default=""),
        Field("meaning_en", mark("Meaning in English"), TextType(), default=""),
    ),
    key=("event", "contains"),
    see=Right.SEE_NETWORK,
    change=Right.KEEP_INCIDENTS,
    check=check_mapping,
    settle=settle_mappings,
    create=create_mapping,
    update=update_mapping,
    delete=delete_mapping,
    constraints={
        "uq_syslog_mapping_event_contains": mark(
            "What this message means is said already; change that instead."
        ),
    },
    section="network",
)  # fmt: skip

KINDS = (SYSLOG_MAPPING,)
