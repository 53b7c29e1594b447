"""A cabinet's reading as the parts that `dcim.inventory.drawing.elevation` draws."""

from flask import url_for
from flask_babel import format_decimal

from dcim.columns import utc_now
from dcim.i18n import format_local, pick_text
from dcim.i18n import gettext as _
from dcim.inventory.drawing.elevation_parts import (
    Allocation,
    Blocked,
    Contents,
    Hold,
    Item,
    Outlet,
    Rack,
    RailItem,
    Section,
    State,
    Strip,
)
from dcim.inventory.models import Cabinet
from dcim.inventory.space.contents import BarredRow
from dcim.web.staff.cabinet_reading import CabinetReading
from dcim.web.staff.names import role_name
from dcim.web.staff.overlays import shade_device

# The shelf between two doors of a split cabinet takes one U.
DIVIDER = 2


def find_offsets(cabinet: Cabinet) -> dict[int, int]:
    """Rack id to its lowest half unit in the whole cabinet; racks are listed from the top."""
    offsets: dict[int, int] = {}
    low = 0
    for rack in reversed(cabinet.racks):
        offsets[rack.id] = low
        low += 2 * rack.u_count + DIVIDER
    return offsets


def find_rack_at(cabinet: Cabinet, at: int) -> tuple[int, int] | None:
    """The rack at half unit `at` of the drawing and the half unit within it; none on a divider."""
    for rack in cabinet.racks:
        low = find_offsets(cabinet)[rack.id]
        if low <= at < low + 2 * rack.u_count:
            return rack.id, at - low
    return None


def draw_cabinet(view: CabinetReading, layer: str = "customer") -> tuple[Rack, Contents]:
    """`layer` is the overlay that classes the devices, of `dcim.web.staff.overlays.LAYERS`."""
    cabinet = view.cabinet
    offsets = find_offsets(cabinet)
    split = len(cabinet.racks) > 1
    half_units = sum(2 * rack.u_count for rack in cabinet.racks) + DIVIDER * (
        len(cabinet.racks) - 1
    )
    frame = Rack(
        id=str(cabinet.id),
        name=cabinet.code,
        u_count=half_units // 2,
        blocked=tuple(
            Blocked(offsets[rack.id] - DIVIDER, DIVIDER, _("Divider"))
            for rack in cabinet.racks[:-1]
        )
        + tuple(_bar(one, offsets) for one in view.barred),
        sections=tuple(
            Section(
                rack.code,
                offsets[rack.id],
                2 * rack.u_count,
                first_u=1,
                counts_down=rack.numbering == "down",
            )
            for rack in cabinet.racks
        )
        if split
        else (),
        counts_down=not split and cabinet.racks[0].numbering == "down" if cabinet.racks else False,
    )
    return frame, Contents(
        items=tuple(_draw_items(view, offsets, layer)),
        allocations=tuple(
            Allocation(
                id=f"allocation-{claim.id}",
                customer=str(claim.customer_id),
                customer_name=pick_text(claim.customer_name, claim.customer_name_en),
                u_low=offsets[claim.rack_id] + claim.u_low,
                height=claim.height,
                notes=_claim_notes(claim.contracted_w, claim.item_code, claim.ends_on),
                href=url_for("staff.customer", customer_id=claim.customer_id),
            )
            for claim in view.claims
            if claim.turn == "current"
        ),
        holds=tuple(
            Hold(
                id=f"hold-{hold.id}",
                name=hold.prospect,
                u_low=offsets[hold.rack_id] + hold.u_low,
                height=hold.height,
                notes=(
                    _("until %(time)s", time=format_local(hold.expires_at, "MM-dd HH:mm")),
                    _("held by %(person)s", person=hold.held_by),
                ),
                href=f"#hold-{hold.id}",
            )
            for hold in view.holds
        ),
        strips=tuple(_draw_strips(view, offsets)),
        rails=tuple(_draw_rail_items(view, offsets)),
    )


def _bar(one: BarredRow, offsets: dict[int, int]) -> Blocked:
    return Blocked(
        offsets[one.rack_id] + one.u_low,
        one.height,
        one.reason,
        face=one.face,  # type: ignore[arg-type]
        absent=one.kind == "absent",
    )


def _draw_rail_items(view: CabinetReading, offsets: dict[int, int]) -> list[RailItem]:
    heights = {rack.id: 2 * rack.u_count for rack in view.cabinet.racks}
    items = []
    for number, one in enumerate(row for row in view.installed if row.u_low is None):
        # Who has no place on a rail in the books is drawn on the side with its number's parity.
        rail = one.rail or ("left", "right")[number % 2]
        items.append(
            RailItem(
                id=str(one.device_id),
                name=one.name,
                rail="left" if rail == "left" else "right",
                position=one.rail_position or 6,
                u_low=offsets[one.rack_id],
                height=heights[one.rack_id],
                role=role_name(one.role),
                customer=None if one.customer_id is None else str(one.customer_id),
                customer_name=pick_text(one.customer_name, one.customer_name_en) or _("Operator"),
                href=url_for("staff.device", device_id=one.device_id),
            )
        )
    return items


def _claim_notes(watts: int | None, item_code: str, ends_on: object) -> tuple[str, ...]:
    notes = [item_code]
    if watts is not None:
        number = format_decimal(round(watts / 1000, 2), format="#,##0.00")
        notes.insert(0, _("contract %(number)s kW", number=number))
    if ends_on is not None:
        notes.append(_("until %(time)s", time=ends_on))
    return tuple(notes)


def _draw_items(view: CabinetReading, offsets: dict[int, int], layer: str) -> list[Item]:
    sockets: dict[int, dict[str, list[str]]] = {}
    feed_states: dict[int, list[str]] = {}
    for cord in view.cords:
        if cord.device_id is None:
            continue
        sockets.setdefault(cord.device_id, {}).setdefault(cord.feed, []).append(str(cord.number))
        now = view.nodes.get(cord.pdu_id)
        feed_states.setdefault(cord.device_id, []).append(now.state if now else "unknown")
    items = []
    for one in view.installed:
        if one.u_low is None:
            continue
        own = sockets.get(one.device_id, {})
        state = _judge_item(feed_states.get(one.device_id, []), own)
        shade, remark = shade_device(one, state, layer, utc_now())
        name = pick_text(one.customer_name, one.customer_name_en)
        items.append(
            Item(
                id=str(one.device_id),
                name=one.name,
                u_low=offsets[one.rack_id] + one.u_low,
                height=one.height,
                role=role_name(one.role),
                face=one.face,  # type: ignore[arg-type]
                side=one.side,  # type: ignore[arg-type]
                customer=None if one.customer_id is None else str(one.customer_id),
                customer_name=name or _("Operator"),
                state=state,
                outlets_a=tuple(own.get("A", ())),
                outlets_b=tuple(own.get("B", ())),
                href=url_for("staff.device", device_id=one.device_id),
                shade=shade,
                remark=remark,
            )
        )
    return items


def _judge_item(states: list[str], sockets: dict[str, list[str]]) -> State:
    """By its cords: dark when all feeds are, at risk on one feed, unknown when none is known."""
    if not states:
        return "ok"
    if all(state == "down" for state in states):
        return "down"
    if "down" in states or len(sockets) == 1:
        return "warning"
    return "unknown" if all(state == "unknown" for state in states) else "ok"


def _draw_strips(view: CabinetReading, offsets: dict[int, int]) -> list[Strip]:
    by_pdu: dict[int, list[Outlet]] = {}
    for cord in view.cords:
        taken = None if cord.device_id is None else str(cord.device_id)
        by_pdu.setdefault(cord.pdu_id, []).append(Outlet(str(cord.number), taken))
    strips = []
    for number, power in enumerate(view.powers, start=1):
        suffix = str(number) if len(view.powers) > 1 else ""
        # One strip a side and rack can be drawn; a third PDU is in the table.
        drawn: set[str] = set()
        for feed in power.feeds:
            if feed.name in drawn:
                continue
            drawn.add(feed.name)
            strips.append(
                Strip(
                    name=f"{feed.name}{suffix}",
                    feed=feed.name,  # type: ignore[arg-type]
                    u_low=offsets[power.rack.id],
                    height=2 * power.rack.u_count,
                    outlets=tuple(by_pdu.get(feed.pdu.node.id, ())),
                )
            )
    return strips
