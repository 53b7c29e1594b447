"""Meters read by hand as a kind of record: list, forms, API, import and search come from this."""

from dcim.accounts.roles import Right
from dcim.customers.kinds import CONTRACT_ITEM, CUSTOMER
from dcim.inventory.space.kinds import CABINET, RACK, ROOM
from dcim.metering.registers import MOST_DECIMALS, MOST_DIGITS, MOST_MULTIPLIER
from dcim.meters.models import Meter
from dcim.meters.registration import check_meter, create_meter
from dcim.power.kinds import POWER_NODE
from dcim.records.fields import Field, InstantType, IntegerType, ReferenceType, TextType, mark
from dcim.records.kinds import Kind, own_rows

PLACE = mark("What it measures")
REGISTER = mark("Register")

METER = Kind(
    name="meter",
    plural="meters",
    label=mark("Meter read by hand"),
    label_plural=mark("Meters read by hand"),
    model=Meter,
    fields=(
        Field("serial", mark("Serial number"), TextType(64, code=True), required=True, fixed=True,
              searched=True, bulk=False, copied=False),
        Field("name", mark("Name"), default="", searched=True, bulk=False),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("contract_item_id", mark("Contract item"), ReferenceType(lambda: CONTRACT_ITEM),
              required=True, fixed=True, hint=mark("The item that its kWh are billed to.")),
        Field("room_id", mark("Room"), ReferenceType(lambda: ROOM), required=True, bulk=False),
        Field("position", mark("Place in the walk"), IntegerType(0, 32_000), default=0,
              bulk=False, hint=mark("Meters of a room are read in this order.")),
        Field("power_node_id", mark("Breaker or PDU"), ReferenceType(lambda: POWER_NODE),
              fixed=True, group=PLACE, bulk=False,
              hint=mark("At most one place; without any it measures the item as a whole.")),
        Field("rack_id", mark("Rack"), ReferenceType(lambda: RACK), fixed=True, group=PLACE,
              listed=False, bulk=False),
        Field("cabinet_id", mark("Cabinet"), ReferenceType(lambda: CABINET), fixed=True,
              group=PLACE, listed=False, bulk=False),
        Field("digits", mark("Digits before the point"), IntegerType(3, MOST_DIGITS), default=6,
              fixed=True, group=REGISTER, listed=False,
              hint=mark("After the last of them the register begins again at 0.")),
        Field("decimals", mark("Digits behind the point"), IntegerType(0, MOST_DECIMALS),
              default=0, fixed=True, group=REGISTER, listed=False),
        Field("multiplier", mark("Multiplier"), IntegerType(1, MOST_MULTIPLIER), default=1,
              fixed=True, group=REGISTER,
              hint=mark("Of the transformers in front of it: 200/5 A is 40.")),
        Field("installed_at", mark("Hung up"), InstantType(), required=True, fixed=True,
              bulk=False, hint=mark("As 2026-11-25T08:00:00+08:00. Then enter what stood on it.")),
        Field("removed_at", mark("Taken down"), InstantType(), readonly=True),
    ),
    key=("serial",),
    see=Right.SEE_POWER,
    change=Right.CHANGE_POWER,
    own=Right.OWN_THINGS,
    reach=own_rows(Meter.customer_id),
    owner="customer_id",
    default_sort="serial",
    check=check_meter,
    create=create_meter,
    page=("staff.meter", "meter_id"),
    constraints={
        "uq_meter_power_node_id_hanging": mark("Another meter hangs at this breaker or PDU."),
        "uq_meter_rack_id_hanging": mark("Another meter hangs at this rack."),
        "uq_meter_cabinet_id_hanging": mark("Another meter hangs at this cabinet."),
        "uq_meter_item_hanging": mark("Another meter measures this item as a whole."),
        "uq_meter_serial_hanging": mark("A meter of this number hangs somewhere already."),
    },
    section="power",
)  # fmt: skip

KINDS = (METER,)
