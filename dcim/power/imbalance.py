"""Pure: how unevenly the phases of a three-phase node are loaded."""

from collections.abc import Sequence

# From here on it is worth moving a circuit, where the node is loaded at all. Our own limits: no
# standard sets one for the currents of a distribution panel.
UNEVEN = 0.15
LOADED = 0.2


def measure_imbalance(amps: Sequence[int]) -> float | None:
    """The largest deviation of a phase from the mean of the three, of that mean: 0 is even, 2 is
    all on one phase. None for less than three phases, and where nothing flows.

    NEMA MG 1, 14.36, which says it of voltages; here of currents.
    """
    if len(amps) != 3 or not sum(amps):
        return None
    # Times three, so that the sum is exact.
    total = sum(amps)
    return max(abs(3 * one - total) for one in amps) / total


def is_uneven(amps: Sequence[int], limit: int) -> bool:
    """Whether it matters: a node that carries next to nothing is never even. mA, as `limit`."""
    found = measure_imbalance(amps)
    return found is not None and found >= UNEVEN and max(amps) >= limit * LOADED
