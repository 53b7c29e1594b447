"""The layers of a floor plan: what each says of a cabinet, as a number, a shade and words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from dcim.i18n import gettext as _
from dcim.i18n import pick_text
from dcim.inventory.drawing.floor_reading import FloorCabinet
from dcim.sla.climate_bands import ASHRAE, ASHRAE_A1
from dcim.sla.rooms import CabinetClimate
from dcim.web.staff.overview import Tile
from reports.svg import clipped, text_width

LAYERS = {
    "measured": _l("Power measured"),
    "allocated": _l("Power sold"),
    "space": _l("Space"),
    "weight": _l("Weight"),
    "temperature": _l("Temperature"),
    "customer": _l("Customer"),
    "holds": _l("Holds"),
}
# What the number in a cabinet is.
UNITS = {
    "measured": _l("kW now; shade: share of what one feed may carry"),
    "allocated": _l("kW by contract; shade: share of what one feed may carry"),
    "space": _l("U sold or held of all; full is no fault"),
    "weight": _l("kg; shade: share of the weight limit"),
    "temperature": _l("°C, the cabinet's warmest sensor; from 27 watch, from 32 critical"),
    "customer": _l("who has space in it; a number where several do"),
    "holds": _l("U held"),
}
STEPS = (
    (0.0, "step-1", "< 25 %"),
    (0.25, "step-2", "25–50 %"),
    (0.5, "step-3", "50–75 %"),
)
# Inlet air: recommended up to 27, allowed up to 32 degrees.
WARM_MC, HOT_MC = ASHRAE.high_mc, ASHRAE_A1.high_mc
TINTS = 3
# What fits into a cabinet of 600 mm, in the units of the drawing.
WRITABLE_PX, VALUE_PX, NAME_PX, NAME_LINES = 54, 20, 13, 3


@dataclass(frozen=True, slots=True)
class Mark:
    """`kind` is warning, down or unknown where the number is a state; `share` of the limit."""

    value: str
    shade: str
    words: str
    kind: str = ""
    share: float | None = None
    detail: str = ""

    @property
    def lines(self) -> list[str]:
        """The value as it is written into a cabinet; a name in up to three lines."""
        if text_width(self.value, VALUE_PX) <= WRITABLE_PX:
            return [self.value]
        found = [""]
        for sign in self.value:
            if text_width(found[-1] + sign, NAME_PX) > WRITABLE_PX:
                found.append("")
            found[-1] += sign if found[-1] else sign.strip()
        if len(found) > NAME_LINES:
            found[NAME_LINES - 1] = clipped(f"{found[NAME_LINES - 1]}……", NAME_PX, WRITABLE_PX)
        return found[:NAME_LINES]


@dataclass(frozen=True, slots=True)
class Key:
    shade: str
    words: str
    kind: str
    count: int


def choose_floor_layer(wanted: str | None) -> str:
    return wanted if wanted in LAYERS else "measured"


def mark_all(
    layer: str,
    cabinets: Sequence[FloorCabinet],
    tiles: dict[int, Tile],
    climate: dict[int, CabinetClimate],
) -> dict[int, Mark]:
    tints = _give_tints(cabinets)
    return {
        one.id: _mark(layer, one, tiles.get(one.id), climate.get(one.id), tints) for one in cabinets
    }


def _mark(
    layer: str,
    one: FloorCabinet,
    tile: Tile | None,
    climate: CabinetClimate | None,
    tints: dict[int, int],
) -> Mark:
    if layer == "weight":
        return _mark_weight(one)
    if layer == "temperature":
        return _mark_climate(climate)
    if layer == "customer":
        return _mark_customers(one, tints)
    if tile is None:
        return Mark("—", "none", _("No rack"))
    by_layer = {
        "measured": _mark_measured,
        "allocated": _mark_sold,
        "space": _mark_space,
        "holds": _mark_held,
    }
    return by_layer[layer](tile)


def _mark_measured(tile: Tile) -> Mark:
    if not tile.is_powered:
        return Mark("—", "none", _("no PDU"))
    if tile.watts is None:
        return mark_unknown(_("no power reading"))
    detail = f"{tile.watts / 1000:.2f} / {tile.usable_w / 1000:.2f} kW"
    return mark_share(f"{tile.watts / 1000:.1f}", tile.share, detail)


def _mark_sold(tile: Tile) -> Mark:
    sold = tile.fill.contracted_w
    if not tile.usable_w:
        return Mark("—", "none", _("no PDU"))
    if not sold:
        return Mark("0", "none", _("Nothing sold"))
    detail = f"{sold / 1000:.2f} / {tile.usable_w / 1000:.2f} kW"
    return mark_share(f"{sold / 1000:.1f}", sold / tile.usable_w, detail)


def _mark_weight(one: FloorCabinet) -> Mark:
    """A sum with unknown parts is a lower bound; of nothing but unknown parts there is no sum."""
    if one.devices and one.unweighed == one.devices:
        return mark_unknown(_("no weight is known"))
    at_least = "≥ " if one.unweighed else ""
    detail = f"{at_least}{one.weight_g / 1000:,.0f} / {one.limit_g / 1000:,.0f} kg"
    share = one.weight_g / one.limit_g if one.limit_g else None
    return mark_share(f"{one.weight_g / 1000:,.0f}", share, detail)


def _mark_held(tile: Tile) -> Mark:
    if tile.fill.held:
        held = f"{tile.fill.held / 2:g}"
        return Mark(f"{held} U", "held", _("%(count)s U held", count=held))
    return Mark("—", "none", _("Nothing held"))


def _mark_space(tile: Tile) -> Mark:
    taken, total = tile.fill.allocated + tile.fill.held, tile.fill.total
    detail = f"{taken / 2:g} / {total / 2:g} U"
    if not taken:
        return Mark("0", "free", _("Free"), detail=detail)
    if not tile.fill.allocated:
        return Mark(f"{taken / 2:g}", "held", _("Held"), detail=detail)
    share = taken / total
    shade = "step-4" if share >= 0.75 else _step(share)
    words = _("Full") if taken >= total else f"{share * 100:.0f} %"
    return Mark(f"{taken / 2:g}", shade, words, share=share, detail=detail)


def _mark_climate(climate: CabinetClimate | None) -> Mark:
    if climate is None:
        return mark_unknown(_("no sensor"))
    if climate.mc is None:
        return mark_unknown(_("the sensor is silent"))
    degrees = f"{climate.mc / 1000:.1f}"
    detail = f"{degrees} °C"
    if climate.mc >= HOT_MC:
        return Mark(degrees, "down", _("Critical"), "down", climate.mc / HOT_MC, detail)
    if climate.mc >= WARM_MC:
        return Mark(degrees, "warning", _("Watch"), "warning", climate.mc / HOT_MC, detail)
    shade = "step-1" if climate.mc < 20_000 else "step-2" if climate.mc < 24_000 else "step-3"
    return Mark(degrees, shade, _("Fine"), share=climate.mc / HOT_MC, detail=detail)


def _mark_customers(one: FloorCabinet, tints: dict[int, int]) -> Mark:
    if not one.customers:
        return Mark(_("Free"), "free", _("Free"))
    if len(one.customers) > 1:
        names = ", ".join(pick_text(name, english) for _id, name, english in one.customers)
        text = _("%(count)s customers", count=len(one.customers))
        return Mark(str(len(one.customers)), "several", text, detail=names)
    number, name, english = one.customers[0]
    return Mark(pick_text(name, english), f"tint-{tints[number]}", pick_text(name, english))


def _give_tints(cabinets: Sequence[FloorCabinet]) -> dict[int, int]:
    """In the order of the rows, so that neighbours of different customers differ."""
    order = dict.fromkeys(number for one in cabinets for number, _name, _en in one.customers)
    return {number: place % TINTS + 1 for place, number in enumerate(order)}


def _step(share: float) -> str:
    return [shade for at, shade, _words in STEPS if share >= at][-1]


def mark_share(value: str, share: float | None, detail: str) -> Mark:
    if share is None:
        return mark_unknown(_("No data"))
    if share >= 0.9:
        words = _("Over limit") if share > 1 else _("Critical")
        return Mark(value, "down", words, "down", share, detail)
    if share >= 0.75:
        return Mark(value, "warning", _("Watch"), "warning", share, detail)
    return Mark(value, _step(share), f"{share * 100:.0f} %", share=share, detail=detail)


def mark_unknown(words: str) -> Mark:
    return Mark("?", "unknown", words, "unknown")


def make_keys(layer: str, marks: Sequence[Mark]) -> list[Key]:
    """The legend: what is there, with how many cabinets are of it."""
    counts = Counter(mark.shade for mark in marks)
    words: dict[str, tuple[str, str]] = {}
    if layer in ("measured", "allocated", "weight"):
        words = {shade: (text, "") for _at, shade, text in STEPS}
    elif layer == "space":
        words = {
            "free": (_("Free"), ""),
            **{shade: (text, "") for _at, shade, text in STEPS},
            "step-4": (_("from %(share)s %%", share=75), ""),
        }
    elif layer == "temperature":
        words = {
            "step-1": (_("under 20 °C"), ""),
            "step-2": ("20–24 °C", ""),
            "step-3": ("24–27 °C", ""),
        }
    elif layer == "customer":
        words = {"free": (_("Free"), ""), "several": (_("Several customers"), "")}
    warm = layer == "temperature"
    words |= {
        "warning": (
            _("27–32 °C watch") if warm else _("%(low)s–%(high)s %% watch", low=75, high=90),
            "warning",
        ),
        "down": (
            _("from 32 °C critical") if warm else _("from %(share)s %% critical", share=90),
            "down",
        ),
        "held": (_("Held"), ""),
        "unknown": (_("No data"), ""),
        "none": (_("Nothing to show"), ""),
    }
    return [
        Key(shade, text, kind, counts[shade])
        for shade, (text, kind) in words.items()
        if counts[shade]
    ]
