"""What stands in the demo's racks: customers' machines, the operator's switches and meters."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dcim.demo.customer_plan import PREMIUM, SALES, Sale
from dcim.demo.network_plan import ACCESS, CORES
from dcim.demo.noise import fraction, salt_of
from dcim.demo.plan_parts import DevicePlan, LoadPlan, TypePlan
from dcim.demo.site_plan import (
    FEEDS,
    NETWORK_RACKS,
    OUTLETS,
    ROOMS,
    ROWS,
    SENSORS,
    TRANSFER_PDU,
    TRANSFER_RACK,
    U_OF,
    branch_meter,
    grid_meter,
    layout_of_rack,
    pdu_code,
    pdu_device,
    ups_device,
)

# Makers and models are invented; sizes, weights and draws are those of their kind.
TYPES = (
    TypePlan("云杉 Spruce", "SR-1U dual", 2, 17_000, 500,
             category="server", airflow="front-to-rear", supplies=(("C14", 550),) * 2),
    TypePlan("云杉 Spruce", "SR-2U storage-lite", 4, 28_000, 800,
             category="server", airflow="front-to-rear", supplies=(("C14", 900),) * 2),
    TypePlan("云杉 Spruce", "SR-4U accelerator", 8, 46_000, 2_400,
             category="server", airflow="front-to-rear", supplies=(("C20", 2_400),) * 2),
    TypePlan("砾石 Gravel", "GS-4U array", 8, 52_000, 900,
             category="storage", airflow="front-to-rear", supplies=(("C14", 1_100),) * 2),
    TypePlan("渡口 Ferry", "FW-1U gateway", 2, 9_000, 150, full_depth=False,
             category="firewall", airflow="side-to-rear", supplies=(("C14", 150),) * 2),
    TypePlan("渡口 Ferry", "TS-48 top-of-rack", 2, 8_500, 180, full_depth=False,
             category="switch", airflow="rear-to-front", supplies=(("C14", 250),) * 2),
    TypePlan("渡口 Ferry", "AX-48 access", 2, 9_200, 220, full_depth=False,
             category="switch", airflow="rear-to-front", supplies=(("C14", 350),) * 2),
    TypePlan("渡口 Ferry", "CX-64 core", 4, 21_000, 850,
             category="switch", airflow="front-to-rear", supplies=(("C20", 1_200),) * 2),
    TypePlan("针叶 Needle", "HSM half-width", 4, 6_000, 90, half_width=True,
             category="other", airflow="front-to-rear", supplies=(("C14", 120),)),
    TypePlan("藤蔓 Vine", "ODF-96", 2, 5_000, 0, full_depth=False,
             category="panel", airflow="passive"),
    TypePlan("藤蔓 Vine", "Cable manager 1U", 2, 1_500, 0, full_depth=False,
             category="cable_manager", airflow="passive"),
    TypePlan("灯塔 Beacon", "PDU-32M metered", 0, 6_500, 0,
             category="pdu", airflow="passive"),
    TypePlan("灯塔 Beacon", "PDU-16M metered", 0, 4_000, 0,
             category="pdu", airflow="passive"),
    TypePlan("灯塔 Beacon", "BCM-24 branch meter", 0, 3_000, 10,
             category="other", airflow="passive"),
    TypePlan("磐石 Bedrock", "UPS-400", 0, 1_250_000, 0,
             category="ups", airflow="front-to-rear"),
    TypePlan("灯塔 Beacon", "ENV-1 probe", 0, 400, 5,
             category="other", airflow="passive"),
    TypePlan("渡口 Ferry", "CS-16 console", 2, 3_200, 40, full_depth=False,
             category="other", airflow="front-to-rear", supplies=(("C14", 60),)),
    TypePlan("灯塔 Beacon", "EM-63 grid meter", 0, 1_200, 8,
             category="other", airflow="passive"),
)  # fmt: skip
_BY_MODEL = {plan.model: plan for plan in TYPES}

SERVER, STORAGE_LITE, GPU, ARRAY = (plan.model for plan in TYPES[:4])
FIREWALL, TOR, ACCESS_SWITCH, CORE_SWITCH, HSM, ODF, MANAGER = (plan.model for plan in TYPES[4:11])
PDU_32, PDU_16, BRANCH_METER, UPS, PROBE, CONSOLE, GRID_METER = (plan.model for plan in TYPES[11:])

# From the top down; "gap" leaves that many U empty. Which recipe a rack follows is drawn.
RECIPES: tuple[tuple[tuple[str, str, int], ...], ...] = (
    ((ODF, "odf", 1), (TOR, "switch", 2), (FIREWALL, "firewall", 2), (SERVER, "app", 9),
     ("", "gap", 4), (STORAGE_LITE, "db", 4), (ARRAY, "storage", 1)),
    ((TOR, "switch", 1), (MANAGER, "cable_manager", 1), (STORAGE_LITE, "node", 8),
     ("", "gap", 9), (SERVER, "cache", 4)),
    ((ODF, "odf", 1), (TOR, "switch", 2), (SERVER, "web", 12), ("", "gap", 3),
     (ARRAY, "storage", 2)),
    ((TOR, "switch", 2), (HSM, "hsm", 2), (SERVER, "app", 6), ("", "gap", 7), (GPU, "gpu", 1),
     (STORAGE_LITE, "db", 2)),
)  # fmt: skip
SMALL_RECIPES: tuple[tuple[tuple[str, str, int], ...], ...] = (
    ((TOR, "switch", 1), (SERVER, "app", 4), ("", "gap", 2), (STORAGE_LITE, "db", 1)),
    ((FIREWALL, "firewall", 1), (SERVER, "web", 3), ("", "gap", 1), (SERVER, "db", 2)),
)

# The rack where someone plugged half a row of servers into one side.
CROWDED_RACK = "A-03"
CROWDED_W = 6_300
CROWDED_SHARE = 0.86


@dataclass
class _Rack:
    """A rack while it is being filled, from the top down."""

    code: str
    sale: Sale
    top: int
    bottom: int
    outlets: int
    cords: int = 0
    devices: list[DevicePlan] = field(default_factory=list)


class _Equipment:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.counts: dict[tuple[str, str], int] = {}

    def serial(self, name: str) -> str:
        return f"DM{salt_of(self.seed, 'serial', name) % 10**10:010d}"

    def own(self, name: str, model: str, role: str, **rest: object) -> DevicePlan:
        return DevicePlan(name, model, role, self.serial(name), **rest)  # type: ignore[arg-type]

    def fill(self, rack: _Rack) -> list[DevicePlan]:
        split = layout_of_rack(rack.code) != "full" or rack.top - rack.bottom < 20
        recipes = SMALL_RECIPES if split else RECIPES
        choice = int(fraction(self.seed, "recipe", rack.code) * len(recipes))
        top = rack.top
        for model, role, count in recipes[choice]:
            if role == "gap":
                top -= count
                continue
            height = _BY_MODEL[model].height // 2
            if _BY_MODEL[model].half_width:
                if top - height >= rack.bottom:
                    for side in ("left", "right")[:count]:
                        self._place(rack, model, role, top - height, side)
                    top -= height
                continue
            for _ in range(count):
                if top - height < rack.bottom:
                    break
                top -= height
                self._place(rack, model, role, top, "full")
        return rack.devices

    def _place(self, rack: _Rack, model: str, role: str, u_below: int, side: str) -> None:
        """Put a device so that its lowest U is `u_below` + 1."""
        key = (rack.sale.slug, role)
        self.counts[key] = self.counts.get(key, 0) + 1
        name = f"{rack.sale.slug}-{role.replace('_', '-')}-{self.counts[key]:02d}"
        plan = _BY_MODEL[model]
        cords: tuple[tuple[str, int], ...] = ()
        if plan.rated_w and rack.cords < rack.outlets:
            rack.cords += 1
            # Some gateways have one cord; terms that ask for two are kept.
            single = role == "firewall" and self.counts[key] % 2 == 0
            single = single and rack.sale.terms != PREMIUM
            feeds = ("A",) if single else FEEDS
            cords = tuple((pdu_code(rack.code, feed), rack.cords) for feed in feeds)
        rack.devices.append(
            self.own(
                name,
                model,
                role,
                customer=rack.sale.code,
                rack=rack.code,
                u_low=2 * u_below,
                face="full" if plan.full_depth else "front",
                side=side,
                cords=cords,
            )
        )


def plan_devices(seed: int) -> tuple[DevicePlan, ...]:
    equipment = _Equipment(seed)
    devices = [*_operator_devices(equipment)]
    cords: dict[str, int] = {}
    for sale in SALES:
        places = [(rack, 0, U_OF[layout_of_rack(rack)]) for rack in sale.racks]
        places += [(rack, low - 1, low - 1 + count) for rack, low, count in sale.space]
        for code, bottom, top in places:
            layout = layout_of_rack(code)
            rack = _Rack(code, sale, top, bottom, OUTLETS[layout], cords.get(code, 0))
            devices += equipment.fill(rack)
            cords[code] = rack.cords
    return tuple(devices)


def _operator_devices(equipment: _Equipment) -> Iterator[DevicePlan]:
    for row, switch in zip(ROWS, ACCESS, strict=True):
        rack = f"{row.code}-01"
        top = 2 * U_OF["full"]
        yield equipment.own(
            f"odf-{row.code.lower()}01", ODF, "odf", rack=rack, u_low=top - 2, face="front"
        )
        yield equipment.own(
            switch,
            ACCESS_SWITCH,
            "switch",
            rack=rack,
            u_low=top - 6,
            face="front",
            cords=tuple((pdu_code(rack, feed), 1) for feed in FEEDS),
        )
        for feed in FEEDS:
            yield equipment.own(branch_meter(row.code, feed), BRANCH_METER, "branch_meter")
    for core, rack in zip(CORES, ("A-01", "C-01"), strict=True):
        cords = tuple((pdu_code(rack, feed), 2) for feed in FEEDS)
        yield equipment.own(core, CORE_SWITCH, "switch", rack=rack, u_low=76, cords=cords)
    yield equipment.own(
        "console-b01",
        CONSOLE,
        "console",
        rack=TRANSFER_RACK,
        u_low=72,
        face="front",
        cords=((TRANSFER_PDU, 1),),
    )
    for room in ROOMS:
        for feed in FEEDS:
            yield equipment.own(ups_device(room.code, feed), UPS, "ups")
    for sensor in SENSORS:
        yield equipment.own(sensor.device, PROBE, "sensor")
    for feed in FEEDS:
        yield equipment.own(grid_meter(feed), GRID_METER, "grid_meter")


def plan_rack_pdus(seed: int, racks: Iterable[str]) -> tuple[DevicePlan, ...]:
    """The metered PDUs on the side rails of the racks that customers are in."""
    equipment = _Equipment(seed)
    return tuple(
        equipment.own(
            pdu_device(rack, feed),
            PDU_32 if layout_of_rack(rack) == "full" else PDU_16,
            "pdu",
            rack=rack,
        )
        for rack in racks
        for feed in FEEDS
    )


def plan_loads(seed: int, devices: Iterable[DevicePlan], shift_ms: int) -> tuple[LoadPlan, ...]:
    """What each rack draws on average: part of its nameplates. `shift_ms`: see CROWDED_RACK."""
    nameplate: dict[str, int] = {}
    for device in devices:
        if device.rack is not None:
            rated = _BY_MODEL[device.model].rated_w
            nameplate[device.rack] = nameplate.get(device.rack, 0) + rated
    loads = []
    for rack, rated_w in nameplate.items():
        mean = int(rated_w * (0.36 + 0.14 * fraction(seed, "load", rack)))
        share = 0.46 + 0.08 * fraction(seed, "share", rack)
        if rack == CROWDED_RACK:
            loads.append(LoadPlan(rack, CROWDED_W, share, shift_ms, CROWDED_SHARE))
        elif rack in NETWORK_RACKS:
            loads.append(LoadPlan(rack, max(mean, 300), 0.5))
        else:
            loads.append(LoadPlan(rack, mean, share))
    return tuple(loads)
