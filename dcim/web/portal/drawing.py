"""An own rack as the parts that `inventory.drawing` draws; what isn't theirs is blank."""

from dcim.i18n import gettext as _
from dcim.inventory.drawing.elevation import lay_out
from dcim.inventory.drawing.elevation_parts import (
    Allocation,
    Blocked,
    Contents,
    Elevation,
    Item,
    Rack,
    RailItem,
    State,
)
from dcim.sla.own_racks import OwnRack
from dcim.web.staff.names import role_name

# No customer has this id: whatever carries it is blank to every viewer.
SOMEBODY_ELSE = "-"


def draw_own_rack(own: OwnRack, customer_id: int, customer_name: str) -> Elevation:
    viewer = str(customer_id)
    state = judge_feeds([feed.state for feed in own.feeds])
    items = [
        Item(
            id=str(one.device_id),
            name=one.name,
            u_low=one.u_low,
            height=one.height,
            role=role_name(one.role),
            face=one.face,  # type: ignore[arg-type]
            side=one.side,  # type: ignore[arg-type]
            customer=viewer,
            customer_name=customer_name,
            state=state,
        )
        for one in own.installed
        if one.u_low is not None
    ]
    items += [
        Item(
            id=f"other-{place}",
            name="",
            u_low=other.u_low,
            height=other.height,
            face=other.face,  # type: ignore[arg-type]
            side=other.side,  # type: ignore[arg-type]
            customer=SOMEBODY_ELSE,
        )
        for place, other in enumerate(own.others)
    ]
    return lay_out(
        Rack(
            id=str(own.rack.id),
            name=own.name,
            u_count=own.rack.u_count,
            counts_down=own.rack.numbering == "down",
            blocked=tuple(
                Blocked(
                    bar.u_low,
                    bar.height,
                    face=bar.face,  # type: ignore[arg-type]
                    absent=bar.kind == "absent",
                )
                for bar in own.barred
            ),
        ),
        Contents(
            items=tuple(items),
            allocations=tuple(
                Allocation(
                    id=f"allocation-{claim.id}",
                    customer=viewer,
                    customer_name=customer_name,
                    u_low=claim.u_low,
                    height=claim.height,
                    notes=_notes(claim.contracted_w, claim.item_code),
                )
                for claim in own.claims
            ),
            rails=tuple(
                RailItem(
                    id=str(one.device_id),
                    name=one.name,
                    rail="right" if one.rail == "right" else "left",
                    position=one.rail_position or 1,
                    u_low=0,
                    height=2 * own.rack.u_count,
                    role=role_name(one.role),
                    customer=viewer,
                    customer_name=customer_name,
                )
                for one in own.installed
                if one.u_low is None
            ),
        ),
        viewer=viewer,
    )


def _notes(watts: int | None, item_code: str) -> tuple[str, ...]:
    if watts is None:
        return (item_code,)
    return (_("contract %(number)s kW", number=f"{watts / 1000:.2f}"), item_code)


def judge_feeds(states: list[str]) -> State:
    """Of what stands on all these feeds: dark when all are, at risk when one is."""
    if not states:
        return "ok"
    if all(state == "dead" for state in states):
        return "down"
    if "dead" in states:
        return "warning"
    return "unknown" if all(state == "unknown" for state in states) else "ok"
