"""The demo's customers: who they are, what they bought since when, and by which terms."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from dcim.demo.noise import fraction
from dcim.demo.plan_parts import (
    ContactPlan,
    ContractPlan,
    CustomerPlan,
    ItemPlan,
    ServicePlan,
)
from dcim.demo.site_plan import layout_of_rack

MBPS = 1_000_000

# CNY a month. Space is priced by the enclosure, bandwidth by the committed Mbit/s.
RENT = {"full": Decimal("6800.00"), "halves": Decimal("3900.00"), "quarters": Decimal("2200.00")}
RENT_PER_U = Decimal("280.00")
BANDWIDTH_PER_MBPS = Decimal("58.00")
CROSS_CONNECT_FEE = Decimal("400.00")
CONTRACTED_W = {"full": 5500, "halves": 2400, "quarters": 1200}
SPLIT_WORDS = {"halves": ("半柜", "half cabinet"), "quarters": ("四分之一柜", "quarter cabinet")}


@dataclass(frozen=True)
class PortSale:
    """A bandwidth service on one port: rates in Mbit/s, `mean` of the busier direction."""

    switch: str
    number: int
    speed: int
    commit: int
    ceiling: int
    mean: int
    rhythm: str = "office"
    mostly: str = "in"  # what the customer sends is what its port takes in


@dataclass(frozen=True)
class Sale:
    """Everything about one customer that a person decided."""

    number: int
    slug: str
    name: str
    name_en: str
    terms: str
    racks: tuple[str, ...] = ()
    space: tuple[tuple[str, int, int], ...] = ()  # (rack, from U, U)
    ports: tuple[PortSale, ...] = ()
    cross_connects: tuple[str, ...] = ()
    language: str = "zh"
    # Months before the closed month in which the contract began; or a day of that month itself.
    months_before: int = 14
    begins_on_day: int | None = None
    ends_on_day: int | None = None
    # A rack bought from the second month after the closed one on: nothing stands there yet.
    rack_ahead: str = ""

    @property
    def code(self) -> str:
        return f"C{self.number}"


PREMIUM, STANDARD, SHARED = "premium", "standard", "shared"

SALES = (
    Sale(
        1001, "pomelo", "青柚支付", "Pomelo Pay", PREMIUM,
        racks=("A-02", "A-03"),
        ports=(PortSale("acc-a", 1, 1_000, 200, 1_000, 70),),
        cross_connects=("专线机房 ODF-A01 4–5 芯",), months_before=31,
    ),
    Sale(
        1002, "isle", "晚汀视频", "Evening Isle Video", PREMIUM,
        racks=("A-04", "A-05", "A-06"),
        ports=(
            PortSale("acc-a", 2, 10_000, 2_000, 10_000, 900, "evening"),
            PortSale("acc-a", 3, 10_000, 1_000, 10_000, 380, "evening"),
        ),
        months_before=22,
    ),
    Sale(
        1003, "swift", "蓝雨燕游戏", "Blue Swift Games", STANDARD,
        racks=("B-02", "B-03"),
        ports=(
            PortSale("acc-b", 1, 10_000, 800, 10_000, 310, "evening"),
            PortSale("acc-b", 2, 1_000, 100, 1_000, 38, "evening"),
        ),
        months_before=9,
    ),
    Sale(
        1004, "tundra", "苔原气象", "Tundra Weather", STANDARD,
        racks=("A-07",), ports=(PortSale("acc-a", 4, 1_000, 100, 500, 66, "steady"),),
        months_before=40, rack_ahead="A-09",
    ),
    Sale(
        1005, "lantern", "港灯物流", "Harbour Lantern Logistics", PREMIUM,
        racks=("B-05",), space=(("C-09", 10, 6),),
        ports=(PortSale("acc-b", 3, 1_000, 150, 1_000, 55),),
        cross_connects=("Meet-me room ODF-B01 9–10",), language="en", months_before=17,
    ),
    Sale(
        1006, "pinecone", "松果医影", "Pinecone Imaging", STANDARD,
        racks=("B-06",), ports=(PortSale("acc-b", 4, 1_000, 300, 1_000, 105),),
        months_before=12,
    ),
    Sale(
        1007, "wheat", "麦浪农业数据", "Wheatwave Agridata", STANDARD,
        racks=("C-02", "C-03"), ports=(PortSale("acc-c", 1, 1_000, 100, 1_000, 34),),
        months_before=26,
    ),
    Sale(
        1008, "comet", "静彗机器人", "Quiet Comet Robotics", STANDARD,
        racks=("C-04",), space=(("C-09", 1, 6),),
        ports=(PortSale("acc-c", 2, 1_000, 200, 1_000, 131, "steady"),),
        language="en", months_before=7,
    ),
    Sale(
        1009, "ocarina", "陶笛音乐", "Ocarina Music", SHARED,
        racks=("A-13-1", "C-11-2"),
        ports=(PortSale("acc-a", 5, 1_000, 100, 1_000, 52, "evening"),), months_before=19,
    ),
    Sale(
        1010, "garnet", "石榴电商", "Pomegranate Commerce", STANDARD,
        racks=("C-05", "C-06", "C-07"),
        ports=(
            PortSale("acc-c", 3, 10_000, 1_500, 10_000, 560, "evening"),
            PortSale("acc-c", 4, 1_000, 200, 1_000, 60, "night"),
        ),
        cross_connects=("专线机房 ODF-C01 1–2 芯",), months_before=15,
    ),
    Sale(
        1011, "rime", "雾凇地图", "Rime Maps", STANDARD,
        racks=("B-04", "B-07"),
        ports=(PortSale("acc-b", 5, 10_000, 500, 10_000, 230, "office"),), months_before=33,
    ),
    Sale(
        1012, "heron", "铜鹭资本", "Copper Heron Capital", PREMIUM,
        racks=("D-02", "D-03"), ports=(PortSale("acc-d", 1, 100, 50, 100, 20),),
        cross_connects=("Exchange ODF-D01 1–2", "Exchange ODF-D01 3–4"), language="en",
        months_before=28,
    ),
    Sale(
        1013, "mortise", "榫卯工业软件", "Mortise Software", STANDARD,
        racks=("D-04", "D-05", "A-08"),
        ports=(
            PortSale("acc-d", 2, 100, 50, 100, 22),
            PortSale("acc-a", 6, 1_000, 100, 1_000, 38),
        ),
        months_before=11,
    ),
    Sale(
        1014, "pinellia", "半夏邮件", "Pinellia Mail", SHARED,
        racks=("B-12-1",), ports=(PortSale("acc-b", 6, 1_000, 20, 100, 7),),
        months_before=24, ends_on_day=21,
    ),
    Sale(
        1015, "birch", "白桦基因", "Birch Genomics", STANDARD,
        racks=("D-06",), ports=(PortSale("acc-d", 3, 100, 20, 100, 6, "night", "out"),),
        begins_on_day=15,
    ),
    Sale(
        1016, "firefly", "萤火课堂", "Firefly Classroom", SHARED,
        racks=("A-13-2", "C-12-1"), ports=(PortSale("acc-a", 7, 1_000, 50, 1_000, 18),),
        months_before=5,
    ),
    Sale(
        1017, "beachcomb", "拾贝阅读", "Beachcomb Reading", SHARED,
        racks=("B-12-2", "C-11-1"), space=(("C-09", 20, 4),),
        ports=(PortSale("acc-b", 7, 1_000, 50, 1_000, 17, "evening"),), months_before=3,
    ),
)  # fmt: skip

# Names to draw contacts from; every address is under a reserved domain (RFC 2606).
_FAMILIES = ("沈", "陆", "乔", "温", "裴", "简", "傅", "黎", "顾", "宋", "叶", "方")
_GIVEN = ("知夏", "远舟", "听澜", "景行", "雨桐", "思齐", "云起", "若谷", "清和", "牧之")
_EN_NAMES = (
    "Mara Lindqvist",
    "Tomas Okafor",
    "Ines Varga",
    "Jonah Pell",
    "Ruth Amadi",
    "Leo Brandt",
)


def racks_sold() -> tuple[str, ...]:
    """Every rack in which someone bought space, once."""
    sold = [rack for sale in SALES for rack in sale.racks]
    sold += [rack for sale in SALES for rack, _, _ in sale.space]
    return tuple(dict.fromkeys(sold))


def port_key(sale: PortSale) -> str:
    return f"{sale.switch}:{port_name(sale.speed, sale.number)}"


def port_name(speed_mbps: int, number: int) -> str:
    return f"{'xge' if speed_mbps >= 10_000 else 'ge' if speed_mbps >= 1_000 else 'fe'}1/0/{number}"


def plan_customers(seed: int) -> tuple[CustomerPlan, ...]:
    return tuple(
        CustomerPlan(
            sale.code, sale.slug, sale.name, sale.name_en, sale.language, _contacts(sale, seed)
        )
        for sale in SALES
    )


def plan_contracts(month_start: dt.date) -> tuple[ContractPlan, ...]:
    """`month_start` is the first day of the closed month."""
    return tuple(_contract(sale, month_start) for sale in SALES)


def plan_services(contracts: tuple[ContractPlan, ...], zone: dt.tzinfo) -> tuple[ServicePlan, ...]:
    services = []
    for sale, contract in zip(SALES, contracts, strict=True):
        lines = [item for item in contract.items if item.kind == "bandwidth"]
        for port, item in zip(sale.ports, lines, strict=True):
            services.append(
                ServicePlan(
                    code=f"IPT-{sale.number}-{port.number:02d}",
                    customer=sale.code,
                    item=item.code,
                    carrier="BGP",
                    commit_bps=port.commit * MBPS,
                    ceiling_bps=port.ceiling * MBPS,
                    ports=(port_key(port),),
                    starts_at=_midnight(item.starts_on, zone),
                    ends_at=None if item.ends_on is None else _midnight(item.ends_on, zone),
                )
            )
    return tuple(services)


def _midnight(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def _contacts(sale: Sale, seed: int) -> tuple[ContactPlan, ...]:
    def draw(what: str, among: tuple[str, ...]) -> str:
        return among[int(fraction(seed, sale.code, what) * len(among))]

    if sale.language == "en":
        first = draw("first", _EN_NAMES)
        second = _EN_NAMES[(_EN_NAMES.index(first) + 1) % len(_EN_NAMES)]
    else:
        first = draw("family", _FAMILIES) + draw("given", _GIVEN)
        second = draw("family 2", _FAMILIES) + draw("given 2", _GIVEN)
    domain = f"{sale.slug}.example"
    phone = f"+86 21 5550 {sale.number}"
    return (
        ContactPlan(first, f"ops@{domain}", phone, may_order=True, may_enter=True),
        ContactPlan(second, f"billing@{domain}", phone, may_enter=False, gets_statements=True),
    )


def _ahead(sale: Sale, code: str, month_start: dt.date) -> ItemPlan:
    rack = sale.rack_ahead
    return ItemPlan(
        code, "cabinet", f"{rack} 整柜托管", f"Colocation {rack}, cabinet", RENT["full"],
        _months_before(month_start, -2), None, contracted_w=CONTRACTED_W["full"], rack=rack,
    )  # fmt: skip


def _months_before(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(year, month + 1, 1)


def _contract(sale: Sale, month_start: dt.date) -> ContractPlan:
    starts = _months_before(month_start, sale.months_before)
    if sale.begins_on_day is not None:
        starts = month_start.replace(day=sale.begins_on_day)
    ends = None if sale.ends_on_day is None else month_start.replace(day=sale.ends_on_day)
    number = f"HT-{starts.year}-{sale.number}"
    drafts: list[ItemPlan] = []

    def add(kind: str, label: str, label_en: str, fee: Decimal, **rest: object) -> None:
        code = f"{number}-{len(drafts) + 1:02d}"
        drafts.append(ItemPlan(code, kind, label, label_en, fee, starts, ends, **rest))  # type: ignore[arg-type]

    for rack in sale.racks:
        layout = layout_of_rack(rack)
        zh, en = SPLIT_WORDS.get(layout, ("整柜", "cabinet"))
        kind = "cabinet" if layout == "full" else "rack"
        add(kind, f"{rack} {zh}托管", f"Colocation {rack}, {en}", RENT[layout],
            contracted_w=CONTRACTED_W[layout], rack=rack)  # fmt: skip
    for rack, low, count in sale.space:
        where = f"{rack} U{low}–{low + count - 1}"
        add("space", f"{where} 机位托管", f"Colocation {where}", RENT_PER_U * count,
            contracted_w=150 * count, rack=rack, u_from=low, u_count=count)  # fmt: skip
    for port in sale.ports:
        add("bandwidth", f"BGP 带宽 {port.commit} Mbit/s 保底，{port.ceiling} Mbit/s 封顶",
            f"IP transit, {port.commit} Mbit/s committed, {port.ceiling} Mbit/s ceiling",
            BANDWIDTH_PER_MBPS * port.commit)  # fmt: skip
    for place in sale.cross_connects:
        add("cross_connect", f"交叉连接 {place}", f"Cross-connect {place}", CROSS_CONNECT_FEE)
    if sale.rack_ahead:
        drafts.append(_ahead(sale, f"{number}-{len(drafts) + 1:02d}", month_start))
    return ContractPlan(number, sale.code, starts, ends, sale.terms, tuple(drafts))
