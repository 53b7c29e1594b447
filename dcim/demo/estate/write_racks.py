"""Sites to racks of an estate, their power chain, what stands in them, and the claims on them."""

import datetime as dt

from dcim.demo.estate import names, plan
from dcim.demo.estate.plan import RackPlan, Sale
from dcim.demo.estate.write_customers import Buyer, write_item
from dcim.demo.estate.writing import Writer
from dcim.inventory.models import (
    FACES,
    SIDES,
    Allocation,
    BarredSpace,
    Building,
    Cabinet,
    Device,
    DeviceType,
    Hold,
    Installation,
    Rack,
    Room,
    Row,
    Site,
)
from dcim.network.models import Carrier, Port, RoomCarrier
from dcim.power.models import PowerNode

FEEDS = ("A", "B")
TEN_GIG = 10_000_000_000
PORTS = 48
UPLINKS = 4
SLOT = ("rack_id", "u", "face", "side", "installation_id", "barred_id")


def write_types(writer: Writer) -> list[int]:
    """The ids of the servers' types in the order of names.TYPES, then switch, then PDU strip."""
    return [
        writer.add(
            DeviceType, manufacturer=maker, model=model, slug=f"example-{model.lower()}",
            height=height, weight_g=grams, rated_w=watts, category=category,
        )
        for maker, model, height, grams, watts, category in (
            *names.TYPES, names.SWITCH, names.STRIP,
        )
    ]  # fmt: skip


class RackWriter:
    """Writes racks in the order they are planned; new sites, rooms and rows as they come."""

    def __init__(self, writer: Writer, types: list[int], buyers: list[Buyer], day: dt.date) -> None:
        self.writer, self.types, self.buyers, self.day = writer, types, buyers, day
        self.noon = dt.datetime.combine(day, dt.time(4), dt.UTC)
        self.opened = self.noon - dt.timedelta(days=1600)
        self.devices = 0
        self.customer_ports: list[int] = []
        self._site = self._room = self._row = self._cabinet = (-1, 0)
        self._carriers: list[int] = []
        self._ups: dict[str, int] = {}
        self._panels: dict[str, int] = {}

    def write(self, one: RackPlan) -> None:
        cabinet_id = self._reach(one)
        rack_id = self.writer.add(
            Rack, cabinet_id=cabinet_id, code=self._code(one), position=one.place,
            u_count=one.u_count,
        )  # fmt: skip
        self._feed(one, rack_id)
        if one.barred is not None:
            self._bar(one, rack_id, one.barred)
        whole = 2 * one.u_count
        for sale in one.sales:
            self._sell(rack_id, sale, whole=sale.height == whole)
        for promise in one.holds:
            hold_id = self.writer.add(
                Hold, rack_id=rack_id, prospect=promise.prospect, held_by="demo",
                u_low=promise.u_low, height=promise.height,
                starts_at=self.noon - dt.timedelta(days=2),
                created_at=self.noon - dt.timedelta(days=2),
                expires_at=self.noon + dt.timedelta(hours=promise.expires),
            )  # fmt: skip
            for u in range(promise.u_low, promise.u_low + promise.height):
                self.writer.copy("hold_slot", ("rack_id", "u", "hold_id"), (rack_id, u, hold_id))
        for standing in one.devices:
            self._install(
                rack_id, self.types[standing.kind], names.TYPES[standing.kind][2], standing.u_low,
                "server", self.buyers[standing.customer].customer_id,
            )  # fmt: skip
        if one.network:
            for place in range(2):
                switch = self._install(
                    rack_id, self.types[-2], names.SWITCH[2], 2 * (one.u_count - 1 - place),
                    "switch", None,
                )  # fmt: skip
                self._give_ports(switch)

    def fill_stock(self, devices: int) -> None:
        """Servers in stock until there are so many devices in all."""
        while self.devices < devices:
            self._add_device(self.types[0], "server", None, "in_stock")

    def _reach(self, one: RackPlan) -> int:
        """The cabinet's id; what is above it is written when it is new."""
        add = self.writer.add
        if self._site[0] != one.site:
            self._open_site(one.site)
        if self._room[0] != one.room:
            self._open_room(one)
        if self._row[0] != one.row:
            in_room = one.row % plan.ROWS_IN_ROOM
            row_id = add(
                Row, room_id=self._room[1], code=_row_letter(in_room), position=in_room + 1
            )
            self._row = one.row, row_id
            for feed in FEEDS:
                self._panels[feed] = self._node(
                    self._ups[feed], "panel", f"RPP-{one.row:04}-{feed}", feed, plan.PANEL_A, 3
                )
        if self._cabinet[0] != one.cabinet:
            in_row = one.cabinet % plan.CABINETS_IN_ROW
            cabinet_id = add(
                Cabinet, row_id=self._row[1], code=self._cabinet_code(one), position=in_row + 1,
                layout=one.layout, weight_limit_kg=1200,
                grid_x=in_row, grid_y=3 * (one.row % plan.ROWS_IN_ROOM),
            )  # fmt: skip
            self._cabinet = one.cabinet, cabinet_id
        return self._cabinet[1]

    def _open_site(self, number: int) -> None:
        name, name_en = names.PLACES[number % len(names.PLACES)]
        more = "" if number < len(names.PLACES) else f" {number // len(names.PLACES) + 1}"
        site_id = self.writer.add(
            Site, code=f"DS{number + 1:02}", name=f"{name}数据中心{more}（演示）",
            name_en=f"{name_en} Data Centre{more} (demo)", timezone="Asia/Shanghai",
        )  # fmt: skip
        self._site = number, site_id
        self.building_id = self.writer.add(
            Building, site_id=site_id, code="B1", name="一号楼", name_en="Building 1"
        )
        if not self._carriers:
            self._carriers = [
                self.writer.add(Carrier, code=code, name=name, name_en=name_en, kind=kind)
                for code, name, name_en, kind in names.CARRIERS
            ]

    def _open_room(self, one: RackPlan) -> None:
        number = one.room % plan.ROOMS_IN_SITE + 1
        room_id = self.writer.add(
            Room, site_id=self._site[1], building_id=self.building_id, code=f"M{number}",
            name=f"{number} 号机房", name_en=f"Hall {number}", floor=str(number),
            grid_columns=40, grid_rows=50,
        )  # fmt: skip
        self._room = one.room, room_id
        for place, carrier_id in enumerate(self._carriers):
            # Not every carrier reaches every room.
            if (one.room + place) % 3:
                self.writer.add(RoomCarrier, room_id=room_id, carrier_id=carrier_id)
        for feed in FEEDS:
            self._ups[feed] = self._node(
                None, "ups", f"UPS-{one.room:03}-{feed}", feed, plan.UPS_A, 3
            )

    def _feed(self, one: RackPlan, rack_id: int) -> None:
        """A breaker and a PDU on each feed, and the strips on the rails."""
        code = f"{one.row:04}-{one.cabinet % plan.CABINETS_IN_ROW + 1:02}.{one.place}"
        for feed, rail in zip(FEEDS, ("left", "right"), strict=True):
            breaker = self._node(
                self._panels[feed], "breaker", f"Q-{code}-{feed}", feed, plan.BREAKER_A, 1
            )
            strip = self._add_device(self.types[-1], "pdu", None, "in_service")
            self.writer.add(
                Installation, device_id=strip, rack_id=rack_id, u_low=None, height=0, rail=rail,
                rail_position=1, installed_at=self.opened,
            )  # fmt: skip
            self._node(
                breaker, "pdu", f"PDU-{code}-{feed}", feed, plan.BREAKER_A, 1, rack_id=rack_id
            )

    def _node(
        self, parent: int | None, kind: str, code: str, feed: str, amps: int, phases: int,
        rack_id: int | None = None,
    ) -> int:  # fmt: skip
        return self.writer.add(
            PowerNode, site_id=self._site[1], parent_id=parent, kind=kind, code=code, feed=feed,
            rated_a=amps, phases=phases, volts=380 if phases == 3 else 220, rack_id=rack_id,
        )  # fmt: skip

    def _bar(self, one: RackPlan, rack_id: int, u_low: int) -> None:
        barred_id = self.writer.add(
            BarredSpace, rack_id=rack_id, u_low=u_low, height=2, reason="走线架 cable tray"
        )
        for u in (u_low, u_low + 1):
            self._take(rack_id, u, None, barred_id)

    def _sell(self, rack_id: int, sale: Sale, *, whole: bool) -> None:
        buyer = self.buyers[sale.customer]
        item_id = write_item(self.writer, buyer, sale, self.day, whole=whole)
        allocation_id = self.writer.add(
            Allocation, customer_id=buyer.customer_id, contract_item_id=item_id, rack_id=rack_id,
            u_low=sale.u_low, height=sale.height, turn=sale.turn,
            starts_on=plan.day_of(self.day, sale.starts), ends_on=plan.day_of(self.day, sale.ends),
        )  # fmt: skip
        columns = ("rack_id", "u", "turn", "allocation_id")
        for u in range(sale.u_low, sale.u_low + sale.height):
            self.writer.copy("allocation_slot", columns, (rack_id, u, sale.turn, allocation_id))

    def _install(
        self, rack_id: int, type_id: int, height: int, u_low: int, role: str, owner: int | None
    ) -> int:
        device_id = self._add_device(type_id, role, owner, "in_service")
        installation_id = self.writer.add(
            Installation, device_id=device_id, rack_id=rack_id, u_low=u_low, height=height,
            installed_at=self.opened,
        )  # fmt: skip
        for u in range(u_low, u_low + height):
            self._take(rack_id, u, installation_id, None)
        return device_id

    def _take(
        self, rack_id: int, u: int, installation_id: int | None, barred_id: int | None
    ) -> None:
        for face in FACES:
            for side in SIDES:
                self.writer.copy(
                    "installation_slot", SLOT, (rack_id, u, face, side, installation_id, barred_id)
                )

    def _add_device(self, type_id: int, role: str, owner: int | None, state: str) -> int:
        self.devices += 1
        return self.writer.add(
            Device, device_type_id=type_id, customer_id=owner, name=f"{role}-{self.devices:07}",
            role=role, serial=f"EX{self.devices:08}", asset_tag=f"D-{self.devices:07}", state=state,
            created_at=self.opened,
        )  # fmt: skip

    def _give_ports(self, switch: int) -> None:
        for number in range(1, PORTS + 1):
            role = "uplink" if number > PORTS - UPLINKS else "customer"
            port_id = self.writer.add(
                Port, device_id=switch, name=f"Te1/0/{number}", speed_bps=TEN_GIG, role=role
            )
            if role == "customer":
                self.customer_ports.append(port_id)

    def _cabinet_code(self, one: RackPlan) -> str:
        letter = _row_letter(one.row % plan.ROWS_IN_ROOM)
        return f"{letter}-{one.cabinet % plan.CABINETS_IN_ROW + 1:02}"

    def _code(self, one: RackPlan) -> str:
        code = self._cabinet_code(one)
        return code if one.layout == "full" else f"{code}.{one.place + 1}"


def _row_letter(number: int) -> str:
    return chr(ord("A") + number)
