"""What the demo sells and to whom: catalogue, invented identities, terms, an amendment, orders."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from dcim.customers.calendar import add_months
from dcim.customers.identity import credit_check
from dcim.demo.customer_plan import BANDWIDTH_PER_MBPS, CROSS_CONNECT_FEE, RENT, RENT_PER_U


@dataclass(frozen=True)
class OfferPlan:
    code: str
    kind: str
    name: str
    name_en: str
    unit: str
    list_price: Decimal
    min_term_months: int = 12


OFFERS = (
    OfferPlan("ROOM", "service", "机房/笼位租用（按柜计）", "Cage rental, by cabinet", "cabinet",
              Decimal("6200.00"), 36),
    OfferPlan("CAB", "cabinet", "机柜租用", "Cabinet rental", "cabinet", RENT["full"]),
    OfferPlan("CAB-2", "rack", "半柜租用", "Half cabinet", "rack", RENT["halves"]),
    OfferPlan("CAB-4", "rack", "四分之一柜租用", "Quarter cabinet", "rack", RENT["quarters"]),
    OfferPlan("U", "space", "服务器托管（按 U）", "Server colocation by U", "u", RENT_PER_U, 1),
    OfferPlan("SRV", "server", "整机租用", "Whole-server rental", "server", Decimal("980.00"), 3),
    OfferPlan("IPT", "bandwidth", "BGP 带宽", "IP transit", "mbps", BANDWIDTH_PER_MBPS),
    OfferPlan("LINE", "service", "专线接入", "Dedicated line", "port", Decimal("3600.00")),
    OfferPlan("XC", "cross_connect", "交叉连接", "Cross-connect", "port", CROSS_CONNECT_FEE, 1),
    OfferPlan("IP", "address", "IPv4 地址", "IPv4 address", "ip", Decimal("30.00"), 1),
    OfferPlan("RH", "service", "代维（按次）", "Remote hands", "visit", Decimal("200.00"), 0),
    OfferPlan("MGT", "service", "网络管理", "Network management", "item", Decimal("1500.00")),
)  # fmt: skip
# By the item's kind and fee: which offer it was sold by.
_BY_FEE = {("cabinet", RENT["full"]): "CAB", ("rack", RENT["halves"]): "CAB-2",
           ("rack", RENT["quarters"]): "CAB-4"}  # fmt: skip
_BY_KIND = {"space": "U", "bandwidth": "IPT", "cross_connect": "XC"}

MANAGERS = ("许青岚", "范以宁", "Nora Feld")
INDUSTRIES = ("支付", "视频", "游戏", "气象", "物流", "医疗", "农业", "制造", "文娱", "零售")
# Each a price that was raised in the past: by how much a month, months before the closed one.
RAISED_ITEM, RAISED_BY, RAISED_MONTHS_BEFORE = "C1002", Decimal("300.00"), 4
# And one that comes next month.
COMING_CUSTOMER, COMING_FEE = "C1011", Decimal("7100.00")
SUSPENDED, LEAVING = "C1017", "C1004"


@dataclass(frozen=True)
class IdentityPlan:
    """Invented throughout: the codes' check characters fit, their organisations don't exist."""

    legal_name: str
    credit_code: str
    legal_person: str
    address: str
    icp_record: str
    icp_licence: str
    tier: str
    industry: str
    account_manager: str


def offer_of(kind: str, fee: Decimal) -> str | None:
    return _BY_FEE.get((kind, fee)) or _BY_KIND.get(kind)


def plan_identity(code: str, name: str, person: str, premium: bool) -> IdentityPlan:
    """`code` like "C1001"."""
    number = int(code.removeprefix("C"))
    body = f"91310000MADEM{number}"
    return IdentityPlan(
        legal_name=f"{name}（演示虚构）有限公司",
        credit_code=body + credit_check(body),
        legal_person=person,
        address=f"上海市虚构区演示路 {number - 900} 号",
        icp_record=f"演示ICP备{number:08d}号",
        icp_licence=f"演示B1-2026{number}" if number % 3 == 0 else "",
        tier="strategic" if number in (1001, 1012) else "key" if premium else "standard",
        industry=INDUSTRIES[number % len(INDUSTRIES)],
        account_manager=MANAGERS[number % len(MANAGERS)],
    )


@dataclass(frozen=True)
class TermPlan:
    term_months: int
    notice_days: int
    auto_renew: bool
    renewal_months: int


def plan_term(code: str) -> TermPlan:
    number = int(code.removeprefix("C"))
    # Two don't renew themselves: they are what the renewals page is for.
    return TermPlan(
        term_months=24 if number % 5 == 0 else 12,
        notice_days=60 if number % 4 == 0 else 30,
        auto_renew=number not in (1003, 1013),
        renewal_months=12,
    )


def raised_from(month_start: dt.date) -> dt.date:
    """The first of a month well before the closed one: no statement that is issued changes."""
    return add_months(month_start, -RAISED_MONTHS_BEFORE)
