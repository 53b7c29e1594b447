"""Customers as a kind of record: enough for what refers to one."""

from dcim.accounts.roles import Right
from dcim.customers.models import Customer
from dcim.records.fields import Field, TextType, mark
from dcim.records.kinds import Kind

CUSTOMER = Kind(
    name="customer",
    plural="customers",
    label=mark("Customer"),
    label_plural=mark("Customers"),
    model=Customer,
    fields=(
        Field("code", mark("Code"), TextType(64, code=True), required=True, searched=True),
        Field("name", mark("Name"), required=True, searched=True),
        Field("name_en", mark("English name"), default=""),
    ),
    key=("code",),
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CUSTOMERS,
    creatable=False,
    deletable=False,
    section="customers",
)
KINDS = (CUSTOMER,)
