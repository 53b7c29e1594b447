"""The rate of a service's ports together."""

from dcim.sla.port_rates import Held, sum_rates


def test_ports_at_once_are_added() -> None:
    assert sum_rates([Held(1, 0, 100, 10), Held(2, 50, 100, 7)], 0, 100) == 17


def test_ports_in_turn_are_not() -> None:
    assert sum_rates([Held(1, 0, 50, 10), Held(2, 50, 100, 7)], 0, 100) == 10


def test_only_the_stretch_asked_for_counts() -> None:
    assert sum_rates([Held(1, 0, 50, 10), Held(2, 50, 100, 7)], 50, 100) == 7


def test_an_unknown_speed_makes_the_sum_unknown() -> None:
    assert sum_rates([Held(1, 0, 100, 10), Held(2, 0, 100, 0)], 0, 100) is None
    assert sum_rates([], 0, 100) is None
