"""Values of quantities as they are printed; pure."""

from collections.abc import Mapping
from typing import Any

from dcim.alarms.rules.quantities import QUANTITIES
from dcim.sla.rules.terms import Text

# Of a port's name.
LONGEST_NAME = 40


def say_value(quantity: str, kind: str, value: float) -> str:
    """ "93.4 %", "27.5 °C", "12 °C/h", "4 min 10 s"; "" of a state, which is a word already."""
    if kind == "state":
        return ""
    if kind == "absence":
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    unit = QUANTITIES[quantity].unit
    number = f"{value:.1f}".removesuffix(".0")
    if kind == "rate":
        return f"{number} {unit}/h"
    return f"{number}{unit if unit.startswith('/') or not unit else f' {unit}'}"


def say_detail(detail: Mapping[str, Any] | None) -> Text:
    """What `rules.lights` and `rules.lags` tell of the part that counts; empty of others."""
    if not detail:
        return {"zh": "", "en": ""}
    return _say_members(detail) if "members" in detail else _say_lane(detail)


_DIRECTIONS = {"rx": {"zh": "收光", "en": "RX"}, "tx": {"zh": "发光", "en": "TX"}}


def _say_lane(detail: Mapping[str, Any]) -> Text:
    way, mdbm, limit = _DIRECTIONS[detail["way"]], detail["mdbm"], detail["limit_mdbm"]
    zh, en = f"通道 {detail['lane']} {way['zh']}", f"lane {detail['lane']}: {way['en']}"
    zh += "无光" if mdbm is None else f" {_dbm(mdbm)}"
    en += " no light" if mdbm is None else f" {_dbm(mdbm)}"
    if limit is not None:
        zh += f"，{'低' if detail['is_low'] else '高'}门限 {_dbm(limit)}"
        en += f", {'low' if detail['is_low'] else 'high'} threshold {_dbm(limit)}"
    return {"zh": zh, "en": en}


def _dbm(thousandths: int) -> str:
    return f"{thousandths / 1000:.2f} dBm".replace("-", "−")


def _say_members(detail: Mapping[str, Any]) -> Text:
    names = [" ".join(name.split())[:LONGEST_NAME] for name in detail["names"]]
    more = detail["lost"] - len(names)
    zh = f"{detail['members']} 个成员口缺 {detail['lost']} 个"
    en = f"{detail['lost']} of {detail['members']} members lost"
    if names:
        zh += f"：{'、'.join(names)}" + (f" 等 {detail['lost']} 个" if more else "")
        en += f": {', '.join(names)}" + (f" and {more} more" if more else "")
    return {"zh": zh, "en": en}
