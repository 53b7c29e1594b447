"""How units are printed on the rails: the one place where a half unit becomes the number people
read, and back. Pure.

Storage and the API count half units from the bottom of a rack. A rack numbered "down" has U1 at the
top; there a thing's number counts from the top. Either way a thing is known by the smallest number
that it takes, and ".5" is the half of a unit that is next to the following number.
"""

from typing import Protocol


class Numbered(Protocol):
    """A rack: how high it is and from which end its units are printed."""

    @property
    def u_count(self) -> int: ...
    @property
    def numbering(self) -> str: ...


def turn_place(rack: Numbered, low: int, height: int) -> int:
    """Half units from the bottom to half units from where U1 is printed, and the same way back."""
    return 2 * rack.u_count - low - height if rack.numbering == "down" else low


def name_units(rack: Numbered, u_low: int, height: int) -> str:
    """As printed on the rack: "U10", "U10–15", "U10.5"; the smaller number comes first."""
    return name_stretch(turn_place(rack, u_low, height), height)


def first_unit(rack: Numbered, u_low: int, height: int) -> str:
    """The smallest number a thing takes, as it is typed: "10", "10.5"."""
    return write_unit(turn_place(rack, u_low, height))


def unit_of(rack: Numbered, u: int) -> int:
    """The printed number of the whole unit that a half unit belongs to."""
    return turn_place(rack, u // 2 * 2, 2) // 2 + 1


def name_stretch(at: int, height: int) -> str:
    """Half units `[at, at + height)`, counted from where U1 is printed."""
    first, past = write_unit(at), at + height
    # What ends on a half names that unit; the last whole unit it fills otherwise.
    last = str((past + 1) // 2)
    return f"U{first}" if first == last or height <= 1 else f"U{first}–{last}"


def write_unit(at: int) -> str:
    return f"{at / 2 + 1:g}"
