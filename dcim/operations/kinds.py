"""Orders to suspend, restore and move out as a kind of record; orders.py makes them."""

from dcim.accounts.roles import Right
from dcim.customers.kinds import CODE, CONTRACT, CUSTOMER
from dcim.operations.models import ServiceOrder
from dcim.records.fields import ChoiceType, DayType, Field, InstantType, ReferenceType, mark
from dcim.records.kinds import Kind, own_rows

ORDER_WORDS = {
    "suspend": mark("Suspension"),
    "restore": mark("Restoration"),
    "move_out": mark("Move-out"),
}
ORDER_STATE_WORDS = {
    "requested": mark("Requested"),
    "approved": mark("Approved"),
    "running": mark("Under way"),
    "done": mark("Done"),
    "cancelled": mark("Cancelled"),
}

SERVICE_ORDER = Kind(
    name="service_order",
    plural="service-orders",
    label=mark("Service order"),
    label_plural=mark("Service orders"),
    model=ServiceOrder,
    fields=(
        Field("number", mark("Number"), CODE, readonly=True, searched=True),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("contract_id", mark("Contract"), ReferenceType(lambda: CONTRACT), readonly=True),
        Field("kind", mark("Kind"), ChoiceType(ORDER_WORDS), readonly=True),
        Field("state", mark("State"), ChoiceType(ORDER_STATE_WORDS), readonly=True),
        Field("effective_on", mark("To be done on"), DayType(), readonly=True),
        Field("reason", mark("Reason"), readonly=True, searched=True),
        Field("requested_by", mark("Requested by"), readonly=True, internal=True),
        Field("requested_at", mark("Requested"), InstantType(), readonly=True, listed=False),
        Field("approved_by", mark("Approved by"), readonly=True, internal=True, listed=False),
        Field("done_at", mark("Completed"), InstantType(), readonly=True),
    ),
    key=("number",),
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CONTRACTS,
    own=Right.OWN_THINGS,
    reach=own_rows(ServiceOrder.customer_id),
    owner="customer_id",
    creatable=False,
    deletable=False,
    importable=False,
    default_sort="-number",
    page=("staff.order", "order_id"),
    section="customers",
)

KINDS = (SERVICE_ORDER,)
