"""The overlays of a cabinet drawing: how each classes a device, in a shade and in words."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from dcim.i18n import gettext as _
from dcim.inventory.drawing.elevation_parts import Elevation
from dcim.inventory.space.contents import InstalledRow

LAYERS = ("customer", "role", "power", "state", "age")
LAYER_NAMES = {
    "customer": _l("Customer"),
    "role": _l("Role"),
    "power": _l("Power"),
    "state": _l("State"),
    "age": _l("Age"),
}
# Families of roles: few enough to be told apart without a strong colour.
FAMILIES = {
    "family-a": (_l("Servers"), ("app", "web", "db", "cache", "node", "gpu", "server")),
    "family-b": (_l("Network"), ("switch", "core", "access", "router", "firewall")),
    "family-c": (_l("Storage and security"), ("storage", "hsm")),
    "family-d": (
        _l("Power and cabling"),
        ("pdu", "ups", "branch_meter", "grid_meter", "sensor", "odf", "cable_manager"),
    ),
}
FAMILY_OF = {role: shade for shade, (_words, roles) in FAMILIES.items() for role in roles}
# (from, shade, words): nameplate watts; years since the device came.
POWER_STEPS = (
    (0, "step-1", _l("under 300 W")),
    (300, "step-2", _l("300–749 W")),
    (750, "step-3", _l("750–1,499 W")),
    (1500, "step-4", _l("1,500 W and more")),
)
AGE_STEPS = (
    (0.0, "step-1", _l("under 1 year")),
    (1.0, "step-2", _l("1–3 years")),
    (3.0, "step-3", _l("3–5 years")),
    (5.0, "step-4", _l("5 years and more")),
)
STATE_WORDS = {
    "ok": _l("Normal"),
    "warning": _l("Warning"),
    "down": _l("Down"),
    "unknown": _l("Unknown"),
    "maintenance": _l("Maintenance"),
}
YEAR = dt.timedelta(days=365.25)


@dataclass(frozen=True, slots=True)
class Key:
    """One line of a legend; `count` is how many devices are of it."""

    shade: str
    words: str
    count: int


def choose_layer(wanted: str | None) -> str:
    return wanted if wanted in LAYERS else LAYERS[0]


def shade_device(one: InstalledRow, state: str, layer: str, now: dt.datetime) -> tuple[str, str]:
    """(shade, words in the box) of a device in this overlay."""
    if layer == "role":
        return FAMILY_OF.get(one.role, "family-e"), ""
    if layer == "power":
        if not one.rated_w:
            return "step-unknown", _("unknown")
        shade = [step for at, step, _words in POWER_STEPS if one.rated_w >= at][-1]
        return shade, f"{one.rated_w:,} W"
    if layer == "age":
        years = find_age(one, now)
        shade = [step for at, step, _words in AGE_STEPS if years >= at][-1]
        return shade, _("%(count)s y", count=f"{years:.1f}")
    if layer == "state":
        return "", str(STATE_WORDS[state])
    return "", ""


def find_age(one: InstalledRow, now: dt.datetime) -> float:
    """Years since the device came: into the books, or into the rack if that was earlier."""
    came = min(one.installed_at, one.created_at)
    return max(0.0, (now - came) / YEAR)


def make_legend(layer: str, drawings: Iterable[Elevation]) -> list[Key]:
    """What the shades mean, those that are there; how many devices each has."""
    items = {
        box.item.id: box.item
        for drawing in drawings
        for face in (drawing.front, drawing.rear)
        for box in face
        if box.kind == "item" and box.item is not None
    }.values()
    if layer == "state":
        counts = Counter(item.state for item in items)
        return [
            Key(f"is-{state}", str(words), counts[state])  # type: ignore[index]
            for state, words in STATE_WORDS.items()
            if counts[state]  # type: ignore[index]
        ]
    shades = Counter(item.shade for item in items)
    words: dict[str, str] = {}
    if layer == "role":
        words = {shade: str(text) for shade, (text, _roles) in FAMILIES.items()}
        words["family-e"] = _("Other")
    elif layer in ("power", "age"):
        steps = POWER_STEPS if layer == "power" else AGE_STEPS
        words = {shade: str(text) for _at, shade, text in steps}
        words["step-unknown"] = _("unknown")
    return [Key(shade, text, shades[shade]) for shade, text in words.items() if shades[shade]]


def name_layers(base: str, chosen: str) -> list[tuple[str, str, bool]]:
    """(label, URL, chosen) for the switch of overlays; `base` may carry a query already."""
    joint = "&" if "?" in base else "?"
    return [
        (str(LAYER_NAMES[layer]), f"{base}{joint}layer={layer}", layer == chosen)
        for layer in LAYERS
    ]
