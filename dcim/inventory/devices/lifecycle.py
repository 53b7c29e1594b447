"""A device's life as a table: which step leads where, what each asks for. Pure.

Into and out of a rack is decided by placement, which notes its steps itself; the other steps are
taken here by hand.
"""

from dataclasses import dataclass

from dcim.accounts.roles import Right
from dcim.records.fields import DayType, FieldType, TextType, mark

DEVICE_STATES = (
    "planned",
    "in_stock",
    "installed",
    "in_service",
    "in_repair",
    "removed",
    "returned",
    "destroyed",
)
# What stands in a rack has one of these; nothing else does.
STANDING = frozenset({"installed", "in_service"})
# What is not in the house: it can't be installed until it has come back.
GONE = frozenset({"returned", "destroyed"})


@dataclass(frozen=True, slots=True)
class Ask:
    """What a step's form asks for. `of_customers`: only for a customer's own device."""

    name: str
    label: str
    type: FieldType
    required: bool = False
    of_customers: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One way from a state to another; `verb` is the button's word."""

    source: str
    target: str
    verb: str
    asks: tuple[Ask, ...] = ()
    right: Right = Right.CHANGE_DEVICES


_SHELF = Ask("shelf", mark("Where it is kept"), TextType(64))
_DELIVERY = Ask("delivery", mark("Delivery note"), TextType(64))
_FAULT = Ask("fault", mark("What is wrong with it"), TextType(255), required=True)
_WORKSHOP = Ask("workshop", mark("Who repairs it"), TextType(128), required=True)
_BACK = Ask("expected_on", mark("Expected back"), DayType())
_TESTED = Ask("tested", mark("What was tested"), TextType(255))
_RECEIVER = Ask("receiver", mark("Who took it"), TextType(128), required=True)
_WAYBILL = Ask("waybill", mark("Waybill or pass"), TextType(64))
_METHOD = Ask("method", mark("How its data was destroyed"), TextType(128), required=True)
_WITNESS = Ask("witness", mark("Witness"), TextType(128), required=True)
_CONSENT = Ask(
    "consent", mark("The owner's written order"), TextType(128), required=True, of_customers=True
)

STEPS: tuple[Step, ...] = (
    Step("planned", "in_stock", mark("Take into stock"), (_DELIVERY, _SHELF)),
    Step("planned", "returned", mark("Send back"), (_RECEIVER, _WAYBILL)),
    Step("installed", "in_service", mark("Put into service"), (_TESTED,)),
    Step("in_service", "installed", mark("Take out of service")),
    Step("in_stock", "in_repair", mark("Send to repair"), (_FAULT, _WORKSHOP, _BACK)),
    Step("removed", "in_repair", mark("Send to repair"), (_FAULT, _WORKSHOP, _BACK)),
    Step("in_repair", "in_stock", mark("Back from repair"), (_TESTED, _SHELF)),
    Step("removed", "in_stock", mark("Take into stock"), (_SHELF,)),
    *(
        Step(source, "returned", mark("Return to the owner"), (_RECEIVER, _WAYBILL))
        for source in ("in_stock", "removed", "in_repair")
    ),
    *(
        Step(source, "destroyed", mark("Destroy"), (_METHOD, _WITNESS, _CONSENT))
        for source in ("in_stock", "removed", "in_repair")
    ),
    Step("returned", "in_stock", mark("Take back into stock"), (_DELIVERY, _SHELF)),
)
_BY_ENDS = {(step.source, step.target): step for step in STEPS}


def find_step(source: str, target: str) -> Step | None:
    return _BY_ENDS.get((source, target))


def steps_from(source: str) -> tuple[Step, ...]:
    return tuple(step for step in STEPS if step.source == source)
