"""The newcomer's way: from an empty database, by the pages alone, to space sold and found again.

The tests are steps of one walk and share its database; each goes on where the last one stopped.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.house import Walker, serve_house, walk_through
from tests.e2e.test_components import browser  # noqa: F401 - the fixture

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SPACE = "SH9/R1/A"
CABINETS = [f"A{number:02}" for number in range(1, 11)]
QUARTERED, SHARED = "A03", "A04"
RACKS = [f"{SPACE}/{code}/{code}" + ("-1" if code == QUARTERED else "") for code in CABINETS]
CUSTOMERS = [
    ("NEWBANK", "新桥银行", "Newbridge Bank"),
    ("YUNFAN", "云帆科技", "Yunfan Technology"),
    ("QINGHE", "清河数据", "Qinghe Data"),
    ("MINGYUE", "明月传媒", "Mingyue Media"),
]
# Whose server stands where: customer, cabinet, rack, lowest U.
SERVERS = [
    *[("NEWBANK", "A01", "A01", u) for u in (1, 2, 3, 4, 5)],
    *[("YUNFAN", "A02", "A02", u) for u in (1, 2, 3, 4)],
    ("QINGHE", QUARTERED, "A03-1", 1),
    *[("MINGYUE", SHARED, "A04", u) for u in (1, 10)],
]
SERVER_YAML = """\
manufacturer: Inspur
model: NF5180M6 test
slug: inspur-nf5180m6-test
u_height: 1
is_full_depth: true
weight: 18
weight_unit: kg
power-ports:
  - {name: PSU1, type: iec-60320-c14, maximum_draw: 550, allocated_draw: 400}
  - {name: PSU2, type: iec-60320-c14, maximum_draw: 550, allocated_draw: 400}
interfaces:
  - {name: eth0, type: 10gbase-x-sfpp}
  - {name: eth1, type: 10gbase-x-sfpp}
  - {name: ipmi, type: 1000base-t, mgmt_only: true}
"""
SWITCH_YAML = """\
manufacturer: H3C
model: S6800 test
slug: h3c-s6800-test
u_height: 1
is_full_depth: true
interfaces:
  - {name: XGE1/0/1, type: 10gbase-x-sfpp}
  - {name: XGE1/0/2, type: 10gbase-x-sfpp}
power-ports:
  - {name: PSU1, type: iec-60320-c14, maximum_draw: 300}
"""
PANEL_YAML = """\
manufacturer: CommScope
model: LC-24 test
slug: commscope-lc-24-test
u_height: 1
is_full_depth: false
front-ports:
  - {name: F1, type: lc, rear_port: R1}
  - {name: F2, type: lc, rear_port: R2}
rear-ports:
  - {name: R1, type: lc}
  - {name: R2, type: lc}
"""


@pytest.fixture(scope="module")
def walker(
    browser: Browser,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Walker]:
    with (
        serve_house(tmp_path_factory, "newcomer") as house,
        walk_through(browser, house) as walker,
    ):
        yield walker


def test_site_room_and_row_from_the_empty_overview(walker: Walker) -> None:
    walker.go("/staff/")
    walker.picture("01-empty")
    walker.follow("新建站点")
    walker.fill(code="SH9", name="上海九号数据中心", name_en="Shanghai 9", address="浦东新区")
    walker.send("创建")
    walker.sees("SH9", "上海九号数据中心")
    walker.go("/staff/")
    walker.follow("新建机房")
    assert walker.page.input_value("[name=site_id__path]") == "SH9"
    walker.fill(code="R1", name="一号机房", name_en="Room 1")
    walker.send("创建")
    walker.sees("一号机房", "尚无机柜")
    walker.picture("02-room-empty")
    walker.follow("新建机列")
    walker.fill(code="A")
    walker.send("创建")
    walker.sees(SPACE)


def test_ten_cabinets_by_form_copy_and_sheet(walker: Walker) -> None:
    page = walker.page
    walker.go("/staff/cabinets/new")
    # The reference is chosen from what is suggested while one types.
    page.locator("[name=row_id__path]").press_sequentially("A")
    page.locator(".suggestions [role=option]").first.click()
    expect(page.locator("[name=row_id__path]")).to_have_value(SPACE)
    walker.fill(code="A01")
    walker.picture("03-cabinet-form")
    walker.send("创建并继续添加")
    expect(page.locator("[name=row_id__path]")).to_have_value(SPACE)
    walker.fill(code="A02")
    walker.send("创建")
    walker.sees("A02")
    walker.follow("字段、备注与变更记录")
    walker.follow("复制")
    walker.fill(code="A03")
    walker.send("创建")
    sheet = [["机列*", "编号*", "承重上限"], *[[SPACE, code, "1200"] for code in CABINETS[3:]]]
    walker.bring("cabinets", sheet, "gb18030")
    walker.go("/staff/cabinets")
    walker.sees("共 10", *CABINETS)
    walker.picture("04-cabinets")
    walker.go("/staff/")
    walker.follow("一号机房")
    walker.picture("05-room", full=True)


def test_a_cabinet_is_split_in_quarters(walker: Walker) -> None:
    open_cabinet(walker, QUARTERED)
    walker.follow("空间")
    walker.follow("分隔")
    walker.fill(layout="quarters")
    walker.send("分隔")
    walker.sees("A03-1", "A03-4", "四分之一柜")
    walker.picture("06-quarters")


def test_two_feeds_from_the_utility_to_the_outlets(walker: Walker) -> None:
    """Sheet by sheet from the top: a level names the one above it."""
    walker.go("/staff/power")
    walker.sees("尚无供电链路")
    head = ["站点", "编号", "类别", "路", "上级", "机位", "额定电流", "相数", "电压", "相"]
    levels: list[list[list[str]]] = [[], [], [], [], []]
    for feed in "AB":
        utility, ups, panel = (f"SH9/{word}-{feed}" for word in ("UT", "UPS", "PNL"))
        levels[0].append(["SH9", f"UT-{feed}", "市电", feed, "", "", "1600", "3", "380", ""])
        levels[1].append(["SH9", f"UPS-{feed}", "UPS", feed, utility, "", "630", "3", "380", ""])
        levels[2].append(["SH9", f"PNL-{feed}", "列头柜", feed, ups, "", "250", "3", "380", ""])
        for number, (code, rack) in enumerate(zip(CABINETS, RACKS, strict=True)):
            phase = f"L{number % 3 + 1}"
            breaker, pdu = f"{code}-Q{feed}", f"{code}-PDU-{feed}"
            levels[3].append(["SH9", breaker, "断路器", feed, panel, rack, "32", "1", "220", phase])
            levels[4].append(
                ["SH9", pdu, "PDU", feed, f"SH9/{breaker}", rack, "32", "1", "220", phase]
            )
    for level in levels:
        walker.bring("power-nodes", [head, *level])
    outlets = [
        [f"SH9/{code}-PDU-{feed}", str(number), "C13"]
        for code in CABINETS for feed in "AB" for number in range(1, 9)
    ]  # fmt: skip
    walker.bring("outlets", [["PDU", "编号", "接头"], *outlets])
    walker.go("/staff/power")
    walker.sees("PNL-A", "PNL-B")
    walker.picture("07-power", full=True)


def test_four_customers_with_signed_contracts(walker: Walker) -> None:
    code, name, name_en = CUSTOMERS[0]
    walker.go("/staff/customers/new")
    walker.fill(code=code, name=name, name_en=name_en)
    walker.send("创建")
    walker.sees(name)
    walker.bring("customers", [["编号", "名称", "英文名称"], *CUSTOMERS[1:]])
    walker.go("/staff/contracts/new")
    walker.fill(customer_id=code, number=f"HT-{code}", title="机柜租用", starts_on="2026-01-01")
    walker.picture("08-contract-form")
    walker.send("创建")
    walker.sees(f"HT-{code}", "草稿")
    rest = [[one, f"HT-{one}", "2026-01-01"] for one, _name, _english in CUSTOMERS[1:]]
    walker.bring("contracts", [["客户", "编号", "起始"], *rest])
    sold = [("机柜", "整机柜", "5500"), ("机柜", "整机柜", "5500"), ("机位", "四分之一柜", "1600"),
            ("空间", "10U", "1500")]  # fmt: skip
    items = [
        [f"HT-{one}", f"HT-{one}-01", *what, "2026-01-01", "3000"]
        for (one, _name, _english), what in zip(CUSTOMERS, sold, strict=True)
    ]
    items.append(["HT-NEWBANK", "HT-NEWBANK-02", "交叉连接", "交叉连接", "300", "2026-01-01", ""])
    walker.bring(
        "contract-items", [["合同", "编号", "类别", "名称", "月费", "起始", "合同功率"], *items]
    )
    for one, _name, _english in CUSTOMERS:
        walker.search(f"HT-{one}")
        # It is signed with its terms, begun from an example.
        walker.follow("附上条款")
        with walker.page.expect_navigation():
            walker.page.get_by_role("button", name="采用", exact=True).click()
        walker.send("附上条款")
        walker.follow("签订")
        walker.send("签订")
        walker.sees("生效")
    walker.picture("09-contract")


def test_space_is_sold_to_four(walker: Walker) -> None:
    for code, item, area in (
        ("A01", "HT-NEWBANK-01", "机柜 A01"),
        ("A02", "HT-YUNFAN-01", "机柜 A02"),
        (QUARTERED, "HT-QINGHE-01", "机架 A03-1"),
    ):
        open_cabinet(walker, code)
        walker.follow("空间")
        walker.follow("整区出售")
        walker.page.select_option("[name=area]", label=area)
        walker.fill(item=item)
        walker.send("分配")
        walker.sees(item)
    open_cabinet(walker, SHARED)
    walker.follow("分配")
    walker.fill(item="HT-MINGYUE-01", u="1", units="10")
    walker.send("分配")
    walker.sees("10")
    walker.picture("10-sold")


def test_types_come_from_files_of_the_community(walker: Walker) -> None:
    walker.go("/staff/type-files")
    files = (("server", SERVER_YAML), ("switch", SWITCH_YAML), ("panel", PANEL_YAML))
    chosen = [
        {"name": f"{name}.yaml", "mimeType": "application/yaml", "buffer": text.encode()}
        for name, text in files
    ]
    walker.page.set_input_files("input[name=files]", chosen)  # type: ignore[arg-type]
    with walker.page.expect_navigation():
        walker.page.get_by_role("button", name="试运行").click()
    walker.sees("NF5180M6 test", "S6800 test", "LC-24 test", "新增")
    walker.picture("11-types")
    walker.page.set_input_files("input[name=files]", chosen)  # type: ignore[arg-type]
    with walker.page.expect_navigation():
        walker.page.get_by_role("button", name="写入").click()
    walker.sees("NF5180M6 test")
    walker.look()


def test_twelve_servers_stand_in_their_owners_space(walker: Walker) -> None:
    walker.go("/staff/devices/new")
    walker.page.select_option("[name=device_type_id]", label="Inspur NF5180M6 test · 1U")
    walker.page.select_option("[name=customer_id]", label="NEWBANK · 新桥银行")
    walker.fill(name="srv-01", role="server", serial="SN-0001", asset_tag="ZC-0001")
    walker.send("登记")
    walker.sees("srv-01", "新桥银行")
    head = ["名称", "型号", "用途", "客户", "序列号", "资产编号"]
    rest = [
        [f"srv-{n:02}", "Inspur/NF5180M6 test", "server", owner, f"SN-{n:04}", f"ZC-{n:04}"]
        for n, (owner, *_place) in enumerate(SERVERS[1:], 2)
    ]
    rest += [
        ["sw-01", "H3C/S6800 test", "switch", "", "SN-SW01", "ZC-SW01"],
        ["pp-01", "CommScope/LC-24 test", "patch-panel", "", "SN-PP01", "ZC-PP01"],
    ]
    walker.bring("devices", [head, *rest])
    for number, (_owner, cabinet, rack, u) in enumerate(SERVERS, 1):
        open_cabinet(walker, cabinet)
        install(walker, f"srv-{number:02}", rack, u)
    for device, u in (("sw-01", 40), ("pp-01", 42)):
        open_cabinet(walker, "A05")
        install(walker, device, "A05", u)
    open_cabinet(walker, "A01")
    walker.picture("12-cabinet")


def test_servers_hang_on_both_feeds_but_one(walker: Walker) -> None:
    """srv-01 on A and B, srv-06 (another customer's) on A alone."""
    for device, code, feeds in (("srv-01", "A01", "AB"), ("srv-06", "A02", "A")):
        for feed in feeds:
            walker.search(device)
            if "/staff/search" in walker.page.url:  # the outlet it hangs on is found as well
                walker.follow(device)
            walker.follow(f"接到 {code}-PDU-{feed}")
            walker.send("插接")
            walker.sees(device)
    walker.picture("13-pdu")


def test_a_cross_connect_goes_to_billing(walker: Walker) -> None:
    page = walker.page
    walker.go("/staff/network/orders")
    walker.follow("新建交叉连接")
    walker.fill(customer="NEWBANK", item="HT-NEWBANK-02", media="smf", connector="lc")
    page.locator("[name=a_port]").press_sequentially("srv-01 eth0")
    page.wait_for_selector("#a_port-options option", state="attached")
    walker.fill(a_port="srv-01 eth0", z_port="sw-01 XGE1/0/1", z_party="浦东移动")
    walker.send("录入订单")
    walker.sees("新桥银行", "srv-01 eth0", "sw-01 XGE1/0/1")
    walker.at["order"] = page.url
    walker.follow("批准")
    walker.send("批准")
    walker.follow("上传文件")
    letter = {"name": "授权书.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 letter"}
    page.set_input_files("input[name=file]", letter)  # type: ignore[arg-type]
    walker.fill(kind="loa")
    walker.send("存入订单")
    walker.sees("授权书.pdf", "有效")
    walker.follow("跳接")
    walker.fill(colour="黄", length_m="12")
    walker.send("跳接")
    walker.follow("登记测试")
    walker.fill(loss_db="0.35", light_dbm="-4.2")
    walker.send("登记测试")
    walker.follow("转入计费")
    walker.send("转入计费")
    walker.sees("计费中", "0.35")
    walker.picture("14-cross-connect", full=True)


def test_every_fact_is_found_again(walker: Walker) -> None:
    walker.go(walker.at["order"])
    order = walker.page.locator("h1").inner_text().split()[-1]
    walker.go("/staff/")
    for text, heading in (
        ("SH9", "SH9"), ("A07", "A07"), ("A03-1", "A03"), ("PNL-A", "PNL-A"),
        ("A09-PDU-B", "A09-PDU-B"), ("YUNFAN", "云帆科技"), ("清河数据", "清河数据"),
        ("HT-MINGYUE", "HT-MINGYUE"), ("HT-YUNFAN-01", "HT-YUNFAN-01"), ("srv-07", "srv-07"),
        ("SN-0009", "srv-09"), ("ZC-0012", "srv-12"), ("sw-01", "sw-01"), ("pp-01", "pp-01"),
        ("nf5180m6 test", "NF5180M6"), (order, order),
    ):  # fmt: skip
        walker.search(text)
        walker.sees(heading or text)
    walker.search("云帆")
    walker.sees("云帆科技")
    walker.picture("15-search")


def test_the_outage_of_a_panel_is_told_and_changes_nothing(walker: Walker) -> None:
    walker.search("PNL-A")
    walker.picture("16-panel", full=True)
    walker.follow("推演其失效")
    walker.sees("PNL-A", "新桥银行", "云帆科技")
    walker.picture("17-outage", full=True)
    walker.search("PNL-A")
    expect(walker.page.locator("main")).not_to_contain_text("分闸")


def test_the_pages_fit_a_phone(walker: Walker) -> None:
    walker.page.set_viewport_size({"width": 390, "height": 844})
    walker.page.emulate_media(color_scheme="dark")
    for path in ("", "cabinets", "cabinets/1", "power", "customers", "devices", "network/orders"):
        walker.go(f"/staff/{path}")
        walker.picture(f"18-phone-{path.replace('/', '-') or 'home'}")


def open_cabinet(walker: Walker, code: str) -> None:
    walker.search(code)
    if "/staff/search" in walker.page.url:
        walker.follow(code)
    walker.sees(f"机柜 {code}")


def install(walker: Walker, device: str, rack: str, u: int) -> None:
    walker.follow("上架设备")
    label = walker.page.locator("[name=rack_id] option").filter(has_text=f"{rack} ")
    walker.fill(device=device, u=str(u))
    walker.page.select_option("[name=rack_id]", label.first.get_attribute("value"))
    walker.send("上架")
    walker.sees(device)
