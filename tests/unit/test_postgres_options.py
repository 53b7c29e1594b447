"""The embedded server takes what suits the machine."""

import pytest

from dcim.postgres_options import MIB, read_memory, suit_machine


@pytest.mark.parametrize(
    ("memory", "own", "cached"),
    [
        (512 * MIB, "128MB", "256MB"),
        (4096 * MIB, "512MB", "2048MB"),
        (64 * 1024 * MIB, "2048MB", "32768MB"),
    ],
)
def test_pages_of_its_own(memory: int, own: str, cached: str) -> None:
    options = suit_machine(memory)
    assert options["shared_buffers"] == own
    assert options["effective_cache_size"] == cached
    assert options["listen_addresses"] == ""


def test_the_machine_has_memory() -> None:
    assert 64 * MIB < read_memory() < 2**50
