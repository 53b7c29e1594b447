"""An invented cabinet of two halves, with everything in it that a drawing can show."""

from __future__ import annotations

from dcim.inventory.drawing.elevation import lay_out
from dcim.inventory.drawing.elevation_parts import (
    Allocation,
    Blocked,
    Contents,
    Elevation,
    Hold,
    Item,
    MountFace,
    Outlet,
    Rack,
    Section,
    Side,
    State,
    Strip,
)


def low(unit: int) -> int:
    return (unit - 1) * 2


def device(
    name: str,
    unit: int,
    units: int,
    customer: str,
    role: str = "",
    *,
    watts: int | None = None,
    face: MountFace = "full",
    side: Side = "full",
    state: State = "ok",
    plug: int | None = None,
) -> Item:
    names = {"c1": "橙瓦支付", "c2": "北窗医影", "c3": "麦垄数据"}
    plugs = (str(plug),) if plug else ()
    return Item(
        id=name,
        name=name,
        u_low=low(unit),
        height=units * 2,
        role=role,
        face=face,
        side=side,
        customer=customer,
        customer_name=names[customer],
        state=state,
        watts=watts,
        outlets_a=plugs,
        outlets_b=() if name.startswith("mgmt") else plugs,
        href=f"#{name}",
    )


ITEMS = (
    device("odf-a07-1", 47, 1, "c1", "配线架", face="front"),
    device("mgmt-a07", 45, 1, "c1", "管理交换机", face="rear", state="warning", plug=1),
    device("tor-a07-1", 44, 1, "c1", "接入交换机", face="rear", plug=2),
    device("pay-db-01", 40, 2, "c1", "数据库服务器", watts=480, plug=4),
    device("pay-db-02", 38, 2, "c1", "数据库服务器", watts=470, plug=5),
    device("pay-app-01", 37, 1, "c1", "应用服务器", watts=220, plug=6),
    device("pay-app-02", 36, 1, "c1", "应用服务器", watts=210, state="maintenance", plug=7),
    device("pay-app-03", 35, 1, "c1", "应用服务器", watts=None, state="unknown", plug=8),
    device("hsm-01", 32, 2, "c1", "加密机", watts=90, side="left", plug=10),
    device("hsm-02", 32, 2, "c1", "加密机", watts=90, side="right", plug=11),
    device("pay-log-01", 30, 2, "c1", "日志服务器", watts=360, state="down", plug=12),
    device("pacs-store-01", 14, 2, "c2", "存储", watts=380, plug=1),
    device("pacs-store-02", 12, 2, "c2", "存储", watts=370, plug=2),
    device("pacs-gw-01", 11, 1, "c2", "网关", watts=160, face="front", plug=3),
    device("gpu-node-01", 6, 4, "c3", "GPU 服务器", watts=1680, plug=4),
    device("gpu-node-02", 2, 4, "c3", "GPU 服务器", watts=1620, plug=6),
)


def outlets(prefix: str, lowest: int) -> tuple[Outlet, ...]:
    upper = lowest > low(24)
    used = {
        item.outlets_a[0]: item.id
        for item in ITEMS
        if item.outlets_a and (item.u_low >= low(24)) == upper
    }
    if prefix.startswith("B"):
        used = {number: name for number, name in used.items() if not name.startswith("mgmt")}
    return tuple(Outlet(str(n), used.get(str(n))) for n in range(1, 17))


def sample_elevation(viewer: str | None = None) -> Elevation:
    rack = Rack(
        "a-07",
        "A-07",
        47,
        blocked=(Blocked(low(24), 2, "分隔板"), Blocked(low(1), 2, "底座走线")),
        sections=(
            Section("上半柜", low(25), 46),
            Section("下半柜", low(1), 46),
        ),
    )
    contents = Contents(
        items=ITEMS,
        allocations=(
            Allocation(
                "a1", "c1", "橙瓦支付", low(25), 46, notes=("半柜 · 合同 4.40 kW", "HT-0318-02")
            ),
            Allocation("a2", "c2", "北窗医影", low(10), 12, notes=("合同 1.20 kW", "HT-0402-01")),
            Allocation("a3", "c3", "麦垄数据", low(2), 16, notes=("合同 3.80 kW", "HT-0377-05")),
        ),
        holds=(
            Hold(
                "h1",
                "纸鸢视频",
                low(16),
                10,
                notes=("至 12-05 18:00", "预占 0.50 kW", "商机 S-2291"),
            ),
        ),
        strips=tuple(
            Strip(f"{feed}{number}", feed, lowest, 46, outlets(feed, lowest))
            for feed in ("A", "B")
            for number, lowest in ((1, low(25)), (2, low(1)))
        ),
    )
    return lay_out(rack, contents, viewer=viewer)
