"""Repeatable randomness: a hash of seed, name and minute, so any instant can be asked alone."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def salt_of(seed: int, *names: object) -> int:
    """A 64-bit number that stands for these names under this seed."""
    text = "\x1f".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def fraction(seed: int, *names: object) -> float:
    """One number in [0, 1) for these names."""
    return salt_of(seed, *names) / 2**64


def uniform(salt: int, steps: Ints) -> Floats:
    """White noise in [0, 1) for each step number (splitmix64 of step and salt)."""
    with np.errstate(over="ignore"):
        mixed = steps.astype(np.uint64) * _GOLDEN + np.uint64(salt)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(2**53)


def wander(salt: int, minutes: Ints, every: int) -> Floats:
    """Slow noise in [-1, 1]: a new value `every` so many minutes, eased into between them."""
    knots = minutes // every
    part = (minutes - knots * every) / every
    eased = part * part * (3.0 - 2.0 * part)
    first = uniform(salt, knots)
    second = uniform(salt, knots + 1)
    return 2.0 * (first + (second - first) * eased) - 1.0
