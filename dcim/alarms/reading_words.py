"""Values of quantities as they are printed; pure."""

from dcim.alarms.rules.quantities import QUANTITIES


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
    return f"{number}{unit if unit.startswith('/') else f' {unit}'}"
