"""What operators say that traps mean, as a kind of record: list, forms, API and import."""

from dcim.accounts.roles import Right
from dcim.records.fields import ChoiceType, Field, FlagType, TextType, mark
from dcim.records.kinds import Kind
from dcim.snmp.traps.mappings import (
    check_mapping,
    create_mapping,
    delete_mapping,
    update_mapping,
)
from dcim.snmp.traps.models import TrapMapping

CLASS_WORDS = {
    "power": mark("Power supply"),
    "load": mark("Load"),
    "battery": mark("Battery"),
    "temperature": mark("Temperature"),
    "humidity": mark("Humidity"),
    "network": mark("Network"),
    "hardware": mark("Hardware"),
    "restart": mark("Restart"),
    "access": mark("Access"),
    "change": mark("Configuration"),
    "notice": mark("Notice"),
}
SEVERITY_WORDS = {
    "critical": mark("Severe"),
    "warning": mark("Warning"),
    "info": mark("Information"),
    "clear": mark("Cleared"),
}

TRAP_MAPPING = Kind(
    name="trap_mapping",
    plural="trap-mappings",
    label=mark("Trap mapping"),
    label_plural=mark("Trap mappings"),
    model=TrapMapping,
    fields=(
        Field("oid", mark("OID"), TextType(), required=True, bulk=False, copied=False,
              hint=mark("In numbers, of a trap of v1 in the form of v2:"
                        " 1.3.6.1.4.1.318.0.5.")),
        Field("below", mark("And all below it"), FlagType(), default=False,
              hint=mark("Then it stands for every trap whose OID begins with it.")),
        Field("alarm_class", mark("Class"), ChoiceType(CLASS_WORDS), required=True),
        Field("severity", mark("Severity"), ChoiceType(SEVERITY_WORDS), required=True,
              hint=mark("Cleared: it ends what another trap told.")),
        Field("meaning", mark("Meaning"), TextType(), default=""),
        Field("meaning_en", mark("Meaning in English"), TextType(), default=""),
    ),
    key=("oid",),
    see=Right.SEE_NETWORK,
    change=Right.KEEP_INCIDENTS,
    check=check_mapping,
    create=create_mapping,
    update=update_mapping,
    delete=delete_mapping,
    constraints={
        "uq_trap_mapping_oid": mark("What this OID means is said already; change that instead."),
    },
    section="network",
)  # fmt: skip

KINDS = (TRAP_MAPPING,)
