"""Customers, contacts, the catalogue, contracts and their items as kinds of records."""

from dcim.accounts.roles import Right
from dcim.customers.contracts import create_contract, delete_contract, update_contract
from dcim.customers.items import create_item, delete_item, update_item
from dcim.customers.models import (
    CalendarDay,
    CatalogueItem,
    Contact,
    Contract,
    ContractAmendment,
    ContractItem,
    Customer,
)
from dcim.customers.registration import (
    create_contact,
    create_customer,
    update_contact,
    update_customer,
)
from dcim.records.fields import (
    ChoiceType,
    DayType,
    DecimalType,
    Field,
    FlagType,
    InstantType,
    IntegerType,
    ReferenceType,
    TextType,
    mark,
)
from dcim.records.kinds import Kind, own_rows

CODE = TextType(longest=64, code=True)
SHORT = TextType(longest=64)
NOTE = TextType(longest=4000, multiline=True)
MONEY = DecimalType(places=2)
QUANTITY = DecimalType(places=3)
MONTHS = IntegerType(1, 600)
DAYS = IntegerType(0, 3650)

CUSTOMER_KIND_WORDS = {
    "enterprise": mark("Enterprise"),
    "individual": mark("Person"),
    "government": mark("Public authority"),
    "school": mark("School"),
    "other": mark("Other"),
}
IDENTITY_WORDS = {
    "credit_code": mark("Unified social credit code"),
    "id_card": mark("Identity card"),
    "passport": mark("Passport"),
    "foreign": mark("Foreign registration"),
    "other": mark("Other"),
}
TIER_WORDS = {
    "standard": mark("Standard"),
    "key": mark("Key customer"),
    "strategic": mark("Strategic"),
}
CUSTOMER_STATE_WORDS = {
    "prospect": mark("Prospect"),
    "active": mark("Active"),
    "suspended": mark("Suspended"),
    "leaving": mark("Leaving"),
    "left": mark("Left"),
}
CONTRACT_STATE_WORDS = {
    "draft": mark("Draft"),
    "signed": mark("In force"),
    "ended": mark("Ended"),
}
ITEM_WORDS = {
    "cabinet": mark("Cabinet"),
    "rack": mark("Rack"),
    "space": mark("Space"),
    "server": mark("Server rental"),
    "bandwidth": mark("Bandwidth"),
    "cross_connect": mark("Cross-connect"),
    "address": mark("Addresses"),
    "service": mark("Service"),
}
UNIT_WORDS = {
    "cabinet": mark("cabinet a month"),
    "rack": mark("rack a month"),
    "u": mark("U a month"),
    "server": mark("server a month"),
    "mbps": mark("Mbit/s a month"),
    "ip": mark("address a month"),
    "port": mark("port a month"),
    "kva": mark("kVA a month"),
    "kwh": mark("kWh"),
    "visit": mark("visit"),
    "hour": mark("hour"),
    "item": mark("piece a month"),
}
DOCUMENT_WORDS = {
    "id_card": mark("Identity card"),
    "passport": mark("Passport"),
    "permit": mark("Residence or travel permit"),
    "other": mark("Other"),
}
DAY_WORDS = {
    "holiday": mark("Holiday"),
    "worked": mark("Worked"),
}
APPROVE_OPEN_WORDS = {"always": mark("always"), "never": mark("never")}
CURRENCIES = {code: code for code in ("CNY", "HKD", "USD", "EUR")}
LANGUAGES = {"zh": "中文", "en": "English"}

IDENTITY = mark("Identity")
LICENCES = mark("Licences and records")
SECURITY = mark("Person responsible for information security")
RIGHTS = mark("May ask of us")
TERM = mark("Term and notice")
PRICE = mark("Price")
BILLING = mark("Statements")


CUSTOMER = Kind(
    name="customer",
    plural="customers",
    label=mark("Customer"),
    label_plural=mark("Customers"),
    model=Customer,
    fields=(
        Field("code", mark("Code"), CODE, required=True, searched=True, bulk=False),
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("name_en", mark("English name"), required=True, searched=True, bulk=False),
        Field("kind", mark("Kind"), ChoiceType(CUSTOMER_KIND_WORDS), default="enterprise"),
        Field(
            "state", mark("State"), ChoiceType(CUSTOMER_STATE_WORDS), default="prospect",
            hint=mark("A signed contract makes it active; orders suspend it and move it out."),
        ),
        Field("tier", mark("Tier"), ChoiceType(TIER_WORDS), default="standard", internal=True),
        Field("industry", mark("Industry"), SHORT, default="", internal=True, listed=False),
        Field("account_manager", mark("Account manager"), default="", internal=True, searched=True),
        Field("language", mark("Language"), ChoiceType(LANGUAGES), default="zh", listed=False),
        Field("timezone", mark("Time zone"), SHORT, default="Asia/Shanghai", listed=False),
        Field("pinyin", mark("Sort key"), default="", internal=True, listed=False, bulk=False,
              hint=mark("The name in pinyin, to sort by.")),
        Field("legal_name", mark("Registered name"), default="", searched=True, listed=False,
              bulk=False, group=IDENTITY),
        Field("identity_kind", mark("Identity document"), ChoiceType(IDENTITY_WORDS),
              default="credit_code", listed=False, bulk=False, group=IDENTITY),
        Field("credit_code", mark("Identity number"), SHORT, searched=True, bulk=False,
              group=IDENTITY, hint=mark("A unified social credit code is checked by its last"
                                        " character.")),
        Field("legal_person", mark("Legal representative"), default="", listed=False, bulk=False,
              group=IDENTITY),
        Field("address", mark("Registered address"), default="", listed=False, wide=True,
              bulk=False, group=IDENTITY),
        Field("icp_licence", mark("ICP licence"), SHORT, default="", searched=True, listed=False,
              bulk=False, group=LICENCES),
        Field("icp_record", mark("ICP record number"), SHORT, default="", searched=True,
              listed=False, bulk=False, group=LICENCES),
        Field("isp_licence", mark("ISP licence"), SHORT, default="", searched=True, listed=False,
              bulk=False, group=LICENCES),
        Field("business", mark("Business"), default="", listed=False, wide=True, group=LICENCES),
        Field("security_contact", mark("Responsible person"), default="", listed=False, bulk=False,
              group=SECURITY),
        Field("security_phone", mark("Telephone"), SHORT, default="", listed=False, bulk=False,
              group=SECURITY),
        Field("security_email", mark("Mail"), default="", listed=False, bulk=False,
              group=SECURITY),
        Field("note", mark("Note"), NOTE, default="", internal=True, listed=False, wide=True),
        Field("created_at", mark("Since"), InstantType(), readonly=True, listed=False),
    ),
    key=("code",),
    title="name",
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CUSTOMERS,
    own=Right.OWN_THINGS,
    reach=own_rows(Customer.id),
    create=create_customer,
    update=update_customer,
    default_sort="code",
    page=("staff.customer", "customer_id"),
    section="customers",
)  # fmt: skip

CONTACT = Kind(
    name="contact",
    plural="contacts",
    label=mark("Contact"),
    label_plural=mark("Contacts"),
    model=Contact,
    fields=(
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), required=True,
              fixed=True),
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("title", mark("Job title"), default=""),
        Field("email", mark("Mail"), default="", searched=True, bulk=False),
        Field("phone", mark("Telephone"), SHORT, default="", searched=True, bulk=False),
        Field("mobile", mark("Mobile"), SHORT, default="", searched=True, bulk=False),
        Field("may_order", mark("May order"), FlagType(), default=False, group=RIGHTS),
        Field("may_enter", mark("May enter"), FlagType(), default=False, group=RIGHTS),
        Field("may_ticket", mark("May open tickets"), FlagType(), default=False, group=RIGHTS),
        Field("may_see_bills", mark("May see bills"), FlagType(), default=False, group=RIGHTS),
        Field("gets_statements", mark("Gets statements"), FlagType(), default=True, group=RIGHTS),
        Field("valid_until", mark("Rights until"), DayType(), group=RIGHTS,
              hint=mark("The last day; empty: until they are taken away.")),
        Field("document_kind", mark("Document"), ChoiceType(DOCUMENT_WORDS), blank="",
              listed=False, bulk=False),
        Field("document_hint", mark("Last four characters"), TextType(longest=4), default="",
              listed=False, bulk=False, hint=mark("What the guard compares at the door.")),
    ),
    key=("customer_id", "name"),
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CUSTOMERS,
    own=Right.OWN_THINGS,
    reach=own_rows(Contact.customer_id),
    own_change=Right.OWN_PEOPLE,
    owner="customer_id",
    create=create_contact,
    update=update_contact,
    section="customers",
)  # fmt: skip

CATALOGUE_ITEM = Kind(
    name="catalogue_item",
    plural="catalogue-items",
    label=mark("Catalogue item"),
    label_plural=mark("Service catalogue"),
    model=CatalogueItem,
    fields=(
        Field("code", mark("Code"), CODE, required=True, searched=True, bulk=False),
        Field("kind", mark("Kind"), ChoiceType(ITEM_WORDS), required=True),
        Field("name", mark("Name"), required=True, searched=True, bulk=False),
        Field("name_en", mark("English name"), default="", searched=True, bulk=False),
        Field("unit", mark("Unit"), ChoiceType(UNIT_WORDS), required=True),
        Field("list_price", mark("List price"), MONEY, required=True),
        Field("currency", mark("Currency"), ChoiceType(CURRENCIES),
              default="CNY"),
        Field("min_term_months", mark("Shortest term"), IntegerType(0, 600), default=12,
              unit=mark("months")),
        Field("notice_days", mark("Notice"), DAYS, default=30, unit=mark("days")),
        Field("active", mark("On offer"), FlagType(), default=True),
    ),
    key=("code",),
    title="name",
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CONTRACTS,
    section="customers",
)  # fmt: skip

CONTRACT: Kind = Kind(
    name="contract",
    plural="contracts",
    label=mark("Contract"),
    label_plural=mark("Contracts"),
    model=Contract,
    fields=(
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), required=True,
              fixed=True),
        Field("number", mark("Number"), CODE, required=True, searched=True, bulk=False),
        Field("title", mark("Title"), default="", searched=True, bulk=False),
        Field("state", mark("State"), ChoiceType(CONTRACT_STATE_WORDS), readonly=True),
        Field("starts_on", mark("From"), DayType(), required=True, bulk=False),
        Field("ends_on", mark("Until"), DayType(), bulk=False,
              hint=mark("The first day no longer covered; empty: until notice is given.")),
        Field("currency", mark("Currency"), TextType(longest=3), default="CNY", bulk=False),
        Field("timezone", mark("Time zone"), SHORT, default="Asia/Shanghai", listed=False,
              bulk=False),
        Field("term_months", mark("Term"), MONTHS, unit=mark("months"), group=TERM),
        Field("notice_days", mark("Notice"), DAYS, default=30, unit=mark("days"), group=TERM),
        Field("auto_renew", mark("Renews itself"), FlagType(), default=False, group=TERM),
        Field("renewal_months", mark("Renewed for"), MONTHS, default=12, unit=mark("months"),
              listed=False, group=TERM),
        Field("statement_day", mark("Statement on day"), IntegerType(1, 28), default=1,
              listed=False, group=BILLING,
              hint=mark("Of the month after; in the contract's time zone.")),
        Field("statement_hour", mark("Statement from hour"), IntegerType(0, 23), default=2,
              listed=False, group=BILLING),
        Field("approve_open", mark("Approval when a result is left open"),
              ChoiceType(APPROVE_OPEN_WORDS), blank="", listed=False, group=BILLING,
              internal=True, hint=mark("Empty: as the approval rule of the currency says.")),
        Field("approve_above", mark("Approval when credits are more than"), MONEY, listed=False,
              group=BILLING, internal=True,
              hint=mark("In the contract's currency; empty: as the approval rule says.")),
        Field("supersedes_id", mark("Supersedes"), ReferenceType(lambda: CONTRACT), listed=False,
              bulk=False),
        Field("signed_at", mark("Signed"), InstantType(), readonly=True),
    ),
    key=("number",),
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CONTRACTS,
    own=Right.OWN_THINGS,
    reach=own_rows(Contract.customer_id),
    owner="customer_id",
    create=create_contract,
    update=update_contract,
    delete=delete_contract,
    page=("staff.contract", "contract_id"),
    section="customers",
)  # fmt: skip

CONTRACT_ITEM = Kind(
    name="contract_item",
    plural="contract-items",
    label=mark("Contract item"),
    label_plural=mark("Contract items"),
    model=ContractItem,
    fields=(
        Field("contract_id", mark("Contract"), ReferenceType(lambda: CONTRACT), required=True,
              fixed=True),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("code", mark("Code"), CODE, required=True, searched=True, bulk=False),
        Field("catalogue_item_id", mark("From the catalogue"),
              ReferenceType(lambda: CATALOGUE_ITEM), listed=False, fixed=True,
              hint=mark("Fills in kind, name, unit and price where these are left empty.")),
        Field("kind", mark("Kind"), ChoiceType(ITEM_WORDS), fixed=True),
        Field("label", mark("Name"), default="", searched=True, bulk=False),
        Field("label_en", mark("English name"), default="", searched=True, bulk=False),
        Field("starts_on", mark("From"), DayType(), required=True, fixed=True),
        Field("ends_on", mark("Until"), DayType(), fixed=True,
              hint=mark("The first day no longer covered; empty: until notice is given.")),
        Field("quantity", mark("Quantity"), QUANTITY, default=QUANTITY.judge("1"), bulk=False,
              group=PRICE),
        Field("unit", mark("Unit"), ChoiceType(UNIT_WORDS), blank="", listed=False, bulk=False,
              group=PRICE),
        Field("unit_price", mark("Price of a unit"), MONEY, bulk=False, group=PRICE),
        Field("monthly_fee", mark("Monthly fee"), MONEY, bulk=False, group=PRICE,
              hint=mark("Computed where a price of a unit is given.")),
        Field("contracted_w", mark("Contracted power"), IntegerType(), unit="W", bulk=False),
        Field("note", mark("Note"), NOTE, default="", internal=True, listed=False, wide=True),
    ),
    key=("code",),
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CONTRACTS,
    own=Right.OWN_THINGS,
    reach=own_rows(ContractItem.customer_id),
    owner="customer_id",
    create=create_item,
    update=update_item,
    delete=delete_item,
    section="customers",
)  # fmt: skip

CONTRACT_AMENDMENT = Kind(
    name="contract_amendment",
    plural="contract-amendments",
    label=mark("Amendment"),
    label_plural=mark("Amendments"),
    model=ContractAmendment,
    fields=(
        Field("contract_id", mark("Contract"), ReferenceType(lambda: CONTRACT), readonly=True),
        Field("customer_id", mark("Customer"), ReferenceType(lambda: CUSTOMER), readonly=True),
        Field("number", mark("Number"), CODE, readonly=True, searched=True),
        Field("effective_from", mark("In force from"), DayType(), readonly=True),
        Field("summary", mark("Summary"), NOTE, readonly=True, wide=True),
        Field("signed_at", mark("Signed"), InstantType(), readonly=True),
    ),
    key=("contract_id", "number"),
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CONTRACTS,
    own=Right.OWN_THINGS,
    reach=own_rows(ContractAmendment.customer_id),
    owner="customer_id",
    creatable=False,
    deletable=False,
    importable=False,
    section="customers",
)

CALENDAR_DAY = Kind(
    name="calendar_day",
    plural="calendar-days",
    label=mark("Calendar day"),
    label_plural=mark("Business days"),
    model=CalendarDay,
    fields=(
        Field("day", mark("Day"), DayType(), required=True, bulk=False),
        Field("kind", mark("Kind"), ChoiceType(DAY_WORDS), default="holiday",
              hint=mark("A holiday on which nobody works, or a weekend day that is worked"
                        " instead.")),
        Field("name", mark("Name"), default=""),
        Field("name_en", mark("English name"), default=""),
    ),
    key=("day",),
    see=Right.SEE_CUSTOMERS,
    change=Right.CHANGE_CONTRACTS,
    default_sort="-day",
    section="customers",
)  # fmt: skip

KINDS = (
    CUSTOMER,
    CONTACT,
    CATALOGUE_ITEM,
    CONTRACT,
    CONTRACT_ITEM,
    CONTRACT_AMENDMENT,
    CALENDAR_DAY,
)
