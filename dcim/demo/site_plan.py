"""The demo's building: rooms, rows, cabinets, and both feeds' power chain down to rack PDUs."""

from collections.abc import Iterable, Iterator

from dcim.demo.plan_parts import (
    BarredPlan,
    CabinetPlan,
    CagePlan,
    NodePlan,
    RackPlan,
    RoomPlan,
    RowPlan,
    SensorPlan,
    SitePlan,
)

SITE = SitePlan(
    code="TS01",
    name="听松一号数据中心",
    name_en="Tingsong One Data Centre",
    timezone="Asia/Shanghai",
    address="云岚市听松区示例路 1 号（演示）",
)
ROOMS = (
    RoomPlan("M1", "一号机房", "Hall 1"),
    RoomPlan("M2", "二号机房", "Hall 2"),
)
ROWS = (RowPlan("M1", "A", 1), RowPlan("M1", "B", 2), RowPlan("M1", "C", 3), RowPlan("M2", "D", 1))
FEEDS = ("A", "B")

CABINETS_PER_ROW = 13
LAYOUTS = {"A-13": "halves", "C-12": "halves", "B-12": "quarters", "C-11": "quarters"}
FULL_U, HALF_U, QUARTER_U = 45, 22, 10
RACKS_IN = {"full": 1, "halves": 2, "quarters": 4}
U_OF = {"full": FULL_U, "halves": HALF_U, "quarters": QUARTER_U}

# Rows A and B look at each other over a cold aisle, B and C share the hot one behind them.
# By row: where the front looks, and its line of tiles; the first cabinet's tile from the west.
AISLES = {"A": ("S", 4), "B": ("N", 7), "C": ("S", 12), "D": ("S", 6)}
FIRST_TILE = 3
CAGES = (CagePlan("M2", "G1", "基因笼区 Genomics cage", ("D-06",)),)
BARRED = (
    BarredPlan("A-10", 44, 2, "full", "blocked", "走线架占用 cable tray"),
    BarredPlan("B-10", 1, 1, "full", "absent", "立柱下无安装孔 no holes below the beam"),
    BarredPlan("C-10", 20, 3, "rear", "blocked", "后部风道 air duct at the rear"),
)

# The operator's own network cabinet stands at the head of each row.
NETWORK_RACKS = tuple(f"{row.code}-01" for row in ROWS)

# What feeds a rack: breaker rating (A) and sockets per PDU, by the cabinet's layout.
BREAKER_A = {"full": 32, "halves": 32, "quarters": 16}
OUTLETS = {"full": 36, "halves": 20, "quarters": 10}
# A whole rack's PDU has two groups of sockets, each behind a breaker of its own.
BANKS = ((1, 18), (19, 36))
BANK_A = 16

# One device of the operator's has a single cord; a rack transfer switch gives it both feeds.
TRANSFER_RACK = "B-01"
TRANSFER_SWITCH, TRANSFER_PDU = "STS-B-01", "PDU-B-01-S"

SENSORS = (
    SensorPlan("env-m1-1", "ambient", "冷通道 A/B 列 Cold aisle A/B", "M1", 22_600, 480),
    SensorPlan("env-m1-2", "ambient", "冷通道 B/C 列 Cold aisle B/C", "M1", 23_100, 465),
    SensorPlan("env-m2-1", "ambient", "冷通道 D 列北 Cold aisle D north", "M2", 22_900, 470),
    SensorPlan("env-m2-2", "ambient", "冷通道 D 列南 Cold aisle D south", "M2", 23_400, 455),
)


def plan_cabinets() -> tuple[CabinetPlan, ...]:
    return tuple(
        CabinetPlan(
            row.code,
            code,
            position,
            LAYOUTS.get(code, "full"),
            FIRST_TILE + position - 1,
            AISLES[row.code][1],
            AISLES[row.code][0],
        )
        for row in ROWS
        for position in range(1, CABINETS_PER_ROW + 1)
        for code in [f"{row.code}-{position:02d}"]
    )


def plan_racks(cabinets: Iterable[CabinetPlan]) -> tuple[RackPlan, ...]:
    return tuple(_racks_of(cabinets))


def _racks_of(cabinets: Iterable[CabinetPlan]) -> Iterator[RackPlan]:
    for cabinet in cabinets:
        count = RACKS_IN[cabinet.layout]
        for position in range(count):
            code = cabinet.code if count == 1 else f"{cabinet.code}-{position + 1}"
            yield RackPlan(cabinet.code, code, position, U_OF[cabinet.layout])


def layout_of_rack(rack: str) -> str:
    return LAYOUTS.get(rack[:4], "full")


def room_of_row(row: str) -> str:
    return next(plan.room for plan in ROWS if plan.code == row)


def breaker_code(rack: str, feed: str) -> str:
    """The breaker in the row's panel, e.g. "RPP-A1/Q02" or "RPP-A1/Q13-2"."""
    row, _, place = rack.partition("-")
    return f"{panel_code(row, feed)}/Q{place}"


def panel_code(row: str, feed: str) -> str:
    return f"RPP-{row}{'1' if feed == 'A' else '2'}"


def pdu_code(rack: str, feed: str) -> str:
    return f"PDU-{rack}-{feed}"


def branch_meter(row: str, feed: str) -> str:
    return f"bcm-{row.lower()}-{feed.lower()}"


def ups_device(room: str, feed: str) -> str:
    return f"ups-{room.lower()}-{feed.lower()}"


def ups_parts(code: str) -> tuple[str, str]:
    """The room and the feed of the UPS "UPS-M1-A"."""
    _, room, feed = code.split("-")
    return room, feed


def grid_meter(feed: str) -> str:
    return f"grid-{feed.lower()}"


def utility_feed(code: str) -> str:
    """The feed of the utility "UT-A"."""
    return code.rpartition("-")[2]


def panel_parts(code: str) -> tuple[str, str]:
    """The row and the feed of the panel "RPP-A1"."""
    return code[4], "A" if code.endswith("1") else "B"


def pdu_device(rack: str, feed: str) -> str:
    return f"pdu-{rack.lower()}-{feed.lower()}"


def branch_place(number: int, rack: str) -> str:
    """The name of a branch on its meter, as polling finds it: "unit-1-branch-b2-q03"."""
    return f"unit-1-branch-b{number}-q{rack.partition('-')[2]}"


def plan_power(served: Iterable[str]) -> tuple[NodePlan, ...]:
    """The chain of both feeds; `served` are the racks with PDUs (sold, or the operator's own)."""
    racks = sorted(served)
    nodes: list[NodePlan] = []
    for feed in FEEDS:
        nodes += _upstream(feed)
        for row in ROWS:
            panel = panel_code(row.code, feed)
            nodes.append(
                NodePlan(
                    panel,
                    "panel",
                    feed,
                    f"UPS-{row.room}-{feed}",
                    250,
                    400,
                    3,
                    meter_device=branch_meter(row.code, feed),
                    meter_place="input",
                )
            )
            here = [rack for rack in racks if rack.startswith(f"{row.code}-")]
            for number, rack in enumerate(here, start=1):
                nodes += _rack_supply(rack, feed, panel, number)
            nodes.append(
                NodePlan(f"{panel}/Q-S1", "breaker", feed, panel, 32, poles=1, position="Q-S1")
            )
    return (*nodes, *_transfer_supply())


def _transfer_supply() -> tuple[NodePlan, ...]:
    source_a, source_b = (pdu_code(TRANSFER_RACK, feed) for feed in FEEDS)
    return (
        NodePlan(
            TRANSFER_SWITCH, "ats", "AB", source_a, 16, rack=TRANSFER_RACK, second_parent=source_b
        ),
        NodePlan(TRANSFER_PDU, "pdu", "AB", TRANSFER_SWITCH, 16, rack=TRANSFER_RACK, outlets=8),
    )


def _upstream(feed: str) -> list[NodePlan]:
    chain = [
        NodePlan(
            f"UT-{feed}",
            "utility",
            feed,
            None,
            3200,
            400,
            3,
            meter_device=grid_meter(feed),
            meter_place="input",
        ),
        NodePlan(f"GEN-{feed}", "generator", feed, None, 2500, 400, 3, power_factor_pct=80),
        NodePlan(f"TX-{feed}", "transformer", feed, f"UT-{feed}", 2880, 400, 3),
        NodePlan(
            f"ATS-{feed}", "ats", feed, f"TX-{feed}", 2500, 400, 3, second_parent=f"GEN-{feed}"
        ),
    ]
    chain += [
        NodePlan(
            f"UPS-{room.code}-{feed}",
            "ups",
            feed,
            f"ATS-{feed}",
            580,
            400,
            3,
            # 400 kVA at a power factor of 0.9.
            capacity_w=360_000,
            power_factor_pct=90,
            meter_device=ups_device(room.code, feed),
            meter_place="output",
        )
        for room in ROOMS
    ]
    return chain


def _rack_supply(rack: str, feed: str, panel: str, number: int) -> list[NodePlan]:
    layout = layout_of_rack(rack)
    rated = BREAKER_A[layout]
    own = rack in NETWORK_RACKS  # the operator's racks have plain PDUs; their branches are metered
    breaker = NodePlan(
        breaker_code(rack, feed),
        "breaker",
        feed,
        panel,
        rated,
        rack=rack,
        meter_device=branch_meter(rack[0], feed),
        meter_place=branch_place(number, rack),
        phase=f"L{(number - 1) % 3 + 1}",
        poles=1,
        position=breaker_code(rack, feed).partition("/")[2],
    )
    pdu = NodePlan(
        pdu_code(rack, feed),
        "pdu",
        feed,
        breaker.code,
        rated,
        rack=rack,
        meter_device=None if own else pdu_device(rack, feed),
        meter_place=None if own else "input",
        outlets=OUTLETS[layout],
    )
    banks = [
        NodePlan(f"{pdu.code}/B{place}", "bank", feed, pdu.code, BANK_A, rack=rack, bank_of=sockets)
        for place, sockets in enumerate(BANKS, start=1)
        if layout == "full" and not own
    ]
    return [breaker, pdu, *banks]
