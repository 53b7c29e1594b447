"""A device type as its figures, and what can't be true of any device. Pure."""

import re
from dataclasses import dataclass, field
from typing import Any

from dcim.inventory.devices.naming import LONGEST
from dcim.records.fields import mark

CATEGORIES = (
    "server",
    "storage",
    "switch",
    "router",
    "firewall",
    "pdu",
    "ups",
    "panel",
    "blank",
    "cable_manager",
    "chassis",
    "other",
)
AIRFLOWS = (
    "front-to-rear",
    "rear-to-front",
    "left-to-right",
    "right-to-left",
    "side-to-rear",
    "passive",
    "mixed",
    "",
)
HIGHEST = 120  # half units
HEAVIEST_G = 1_500_000
STRONGEST_W = 50_000
WIDEST_MM = 1_200
DEEPEST_MM = 2_000
MOST_PORTS = 1_000
MOST_SUPPLIES = 64
# Bits per second of a port by the beginning of its form: 10gbase-x-sfpp, 1000base-t, 32gfc-sfp28.
_FORM = re.compile(r"(\d+(?:\.\d+)?)(g?)(base|fc|e-)")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a description: `message` is a msgid with %(name)s places, `place` the
    field, `line` the line of the file (0 where there is none)."""

    place: str
    message: str
    places: dict[str, object] = field(default_factory=dict)
    line: int = 0

    def __str__(self) -> str:
        where = f"line {self.line}, {self.place}" if self.line else self.place
        return f"{where}: {self.message % self.places if self.places else self.message}"


@dataclass(frozen=True, slots=True)
class PortLine:
    name: str
    kind: str
    speed_bps: int | None = None
    mgmt: bool = False


@dataclass(frozen=True, slots=True)
class SupplyLine:
    """`maximum_w` 0: the file doesn't say what the supply can draw."""

    name: str
    connector: str
    maximum_w: int = 0
    allocated_w: int | None = None


@dataclass(frozen=True, slots=True)
class TypeDescription:
    """Heights in half units, weights in grams, draws in watts, lengths in millimetres."""

    manufacturer: str
    model: str
    slug: str
    height: int
    full_depth: bool = True
    half_width: bool = False
    part_number: str = ""
    category: str = "other"
    airflow: str = ""
    weight_g: int = 0
    width_mm: int | None = None
    depth_mm: int | None = None
    rated_w: int = 0
    typical_w: int | None = None
    source: str = ""
    ports: tuple[PortLine, ...] = ()
    supplies: tuple[SupplyLine, ...] = ()

    @property
    def figures(self) -> dict[str, Any]:
        """The columns of a device type, without ports and supplies."""
        return {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in {"ports", "supplies"}
        }


def speed_of(form: str) -> int | None:
    """What a port of this form carries at most, bit/s; None where the form doesn't say."""
    found = _FORM.match(form)
    if not found:
        return None
    unit = 10**9 if found[2] or found[3] == "fc" else 10**6
    return round(float(found[1]) * unit)


def find_problems(one: TypeDescription) -> list[Problem]:
    """Everything about the description that no device can have; empty for one that can be."""
    problems = [
        Problem(place, mark("This is missing."))
        for place in ("manufacturer", "model", "slug")
        if not getattr(one, place).strip()
    ]

    def limit(place: str, value: int | None, high: int, unit: str, scale: int = 1) -> None:
        if value is not None and not 0 <= value <= high:
            problems.append(
                Problem(
                    place,
                    mark("%(value)s %(unit)s can't be: from 0 to %(high)s %(unit)s."),
                    {"value": f"{value / scale:g}", "high": f"{high / scale:g}", "unit": unit},
                )
            )

    limit("height", one.height, HIGHEST, "U", 2)
    limit("weight_g", one.weight_g, HEAVIEST_G, "kg", 1000)
    limit("rated_w", one.rated_w, STRONGEST_W, "W")
    limit("typical_w", one.typical_w, STRONGEST_W, "W")
    limit("width_mm", one.width_mm, WIDEST_MM, "mm")
    limit("depth_mm", one.depth_mm, DEEPEST_MM, "mm")
    if len(one.slug) > LONGEST:
        problems.append(Problem("slug", mark("At most %(count)s characters."), {"count": LONGEST}))
    if one.typical_w is not None and one.rated_w and one.typical_w > one.rated_w:
        problems.append(
            Problem(
                "typical_w",
                mark("It can't draw %(typical)s W at work when its nameplate says %(rated)s W."),
                {"typical": one.typical_w, "rated": one.rated_w},
            )
        )
    if one.half_width and not one.height:
        problems.append(
            Problem("half_width", mark("What takes no U can't share one with a neighbour."))
        )
    return problems + _find_port_problems(one) + _find_supply_problems(one)


def _find_port_problems(one: TypeDescription) -> list[Problem]:
    problems = []
    if len(one.ports) > MOST_PORTS:
        problems.append(
            Problem(
                "interfaces",
                mark("%(count)s ports are more than any device has (%(most)s)."),
                {"count": len(one.ports), "most": MOST_PORTS},
            )
        )
    return problems + _find_twice("interfaces", [port.name for port in one.ports])


def _find_supply_problems(one: TypeDescription) -> list[Problem]:
    problems = []
    if len(one.supplies) > MOST_SUPPLIES:
        problems.append(
            Problem(
                "power-ports",
                mark("%(count)s supplies are more than any device has (%(most)s)."),
                {"count": len(one.supplies), "most": MOST_SUPPLIES},
            )
        )
    for supply in one.supplies:
        if not 0 <= supply.maximum_w <= STRONGEST_W:
            problems.append(
                Problem(
                    "power-ports",
                    mark("%(name)s can't draw %(value)s W: from 0 to %(high)s W."),
                    {"name": supply.name, "value": supply.maximum_w, "high": STRONGEST_W},
                )
            )
        allocated = supply.allocated_w
        if allocated is not None and not 0 <= allocated <= (supply.maximum_w or STRONGEST_W):
            problems.append(
                Problem(
                    "power-ports",
                    mark("%(name)s has %(allocated)s W allocated, of %(maximum)s W it can draw."),
                    {"name": supply.name, "allocated": allocated, "maximum": supply.maximum_w},
                )
            )
    # Where one supply's figure is unknown, the sum says nothing.
    known = one.supplies and all(supply.maximum_w for supply in one.supplies)
    together = sum(supply.maximum_w for supply in one.supplies)
    if known and together < one.rated_w:
        problems.append(
            Problem(
                "power-ports",
                mark("Its supplies give %(together)s W together, less than its %(rated)s W."),
                {"together": together, "rated": one.rated_w},
            )
        )
    return problems + _find_twice("power-ports", [supply.name for supply in one.supplies])


def _find_twice(place: str, names: list[str]) -> list[Problem]:
    seen: set[str] = set()
    twice = []
    for name in names:
        if name in seen:
            twice.append(Problem(place, mark("%(name)s stands twice."), {"name": name}))
        seen.add(name)
    return twice
