"""Free blocks, trees and maps of addresses, against counting by hand."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.network.addressing import (
    Net,
    contains,
    count_usable,
    draw_cells,
    find_free,
    is_reserved,
    measure_depths,
)


def net(text: str) -> Net:
    return ipaddress.ip_network(text)


@st.composite
def prefixes(draw: st.DrawFn) -> Net:
    """Small enough to count: at most 64 addresses."""
    is_v4 = draw(st.booleans())
    bits = 32 if is_v4 else 128
    length = draw(st.integers(bits - 6, bits))
    size = 1 << (bits - length)
    first = draw(st.integers(0, 40)) * size + (10 << (bits - 8))
    return (
        ipaddress.IPv4Network((first, length)) if is_v4 else ipaddress.IPv6Network((first, length))
    )


@st.composite
def taken(draw: st.DrawFn, prefix: Net) -> list[Net]:
    blocks = []
    for _ in range(draw(st.integers(0, 12))):
        length = draw(st.integers(prefix.prefixlen, prefix.max_prefixlen))
        size = 1 << (prefix.max_prefixlen - length)
        place = draw(st.integers(0, prefix.num_addresses // size - 1))
        blocks.append(type(prefix)((int(prefix.network_address) + place * size, length)))
    return blocks


@given(st.data())
def test_free_is_the_lowest_that_touches_nothing(data: st.DataObject) -> None:
    prefix = data.draw(prefixes())
    blocks = data.draw(taken(prefix))
    length = data.draw(st.integers(prefix.prefixlen, prefix.max_prefixlen))
    by_hand = [
        one
        for one in prefix.subnets(new_prefix=length)
        if not any(one.overlaps(block) for block in blocks) and not is_reserved(prefix, one)
    ]
    assert find_free(prefix, blocks, length) == (by_hand[0] if by_hand else None)


@given(prefixes())
def test_usable_is_what_isnt_reserved(prefix: Net) -> None:
    singles = [ipaddress.ip_network(one) for one in prefix]
    assert count_usable(prefix) == sum(not is_reserved(prefix, one) for one in singles)


def test_free_in_wide_prefixes_costs_nothing() -> None:
    assert find_free(net("2001:db8::/32"), [], 64) == net("2001:db8::/64")
    assert find_free(net("2001:db8::/64"), [net("2001:db8::1/128")], 128) == net("2001:db8::2/128")
    assert find_free(net("192.0.2.0/31"), [], 32) == net("192.0.2.0/32")
    assert find_free(net("192.0.2.0/30"), [net("192.0.2.1/32"), net("192.0.2.2/32")], 32) is None
    with pytest.raises(ValueError, match="no /16"):
        find_free(net("192.0.2.0/24"), [], 16)


@given(st.lists(prefixes(), max_size=20, unique=True))
def test_depth_counts_the_containers(nets: list[Net]) -> None:
    depths = measure_depths(nets)
    for one in nets:
        assert depths[one] == sum(contains(other, one) for other in nets if other != one)


def test_cells_say_who_and_what_is_reserved() -> None:
    cells = draw_cells(net("192.0.2.0/29"), [net("192.0.2.2/32"), net("192.0.2.4/31")])
    assert [cell.index for cell in cells] == [None, None, 0, None, 1, 1, None, None]
    assert [cell.reserved for cell in cells] == [True, *[False] * 6, True]
    assert draw_cells(net("192.0.0.0/23"), []) == ()
