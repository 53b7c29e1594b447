"""Arithmetic of addresses: what is free, how full, what lies in what. Pure, integers only."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Net = ipaddress.IPv4Network | ipaddress.IPv6Network
# More cells than this aren't drawn; the prefix is told as a list.
MOST_CELLS = 256


def parse_net(text: str) -> Net:
    """Raises ValueError for what is no network, and for one with host bits set."""
    return ipaddress.ip_network(text)


def is_reserved(prefix: Net, single: Net) -> bool:
    """Whether this one address names the network itself, or everybody on it.

    IPv4: first and last (RFC 1812 4.2.2.11, but RFC 3021 for /31). IPv6: the first is the
    subnet-router anycast address (RFC 4291 2.6.1, but RFC 6164 for /127).
    """
    if single.num_addresses > 1 or prefix.max_prefixlen - prefix.prefixlen < 2:
        return False
    value = int(single.network_address)
    if value == int(prefix.network_address):
        return True
    return prefix.version == 4 and value == int(prefix.broadcast_address)


def count_usable(prefix: Net) -> int:
    """Addresses that can be given to someone."""
    if prefix.max_prefixlen - prefix.prefixlen < 2:
        return prefix.num_addresses
    return prefix.num_addresses - (2 if prefix.version == 4 else 1)


def find_free(prefix: Net, taken: Iterable[Net], length: int) -> Net | None:
    """The lowest free block of this prefix length; None when there is none.

    Raises ValueError for a block larger than the prefix or smaller than one address.
    """
    if not prefix.prefixlen <= length <= prefix.max_prefixlen:
        raise ValueError(f"no /{length} lies in {prefix}")
    size = 1 << (prefix.max_prefixlen - length)
    low, high = int(prefix.network_address), int(prefix.broadcast_address)
    spans = sorted(
        (int(one.network_address), int(one.broadcast_address))
        for one in taken
        if one.version == prefix.version
    )
    if size == 1 and prefix.prefixlen < prefix.max_prefixlen - 1:
        low += 1
        high -= prefix.version == 4
    at = low
    for first, last in (*spans, (high + 1, high + 1)):
        if at + size <= first and at + size - 1 <= high:
            break
        # On to the next boundary of the block's size.
        at = max(at, -(-(last + 1) // size) * size)
    if at + size - 1 > high:
        return None
    kind = ipaddress.IPv4Network if prefix.version == 4 else ipaddress.IPv6Network
    return kind((at, length))


def sort_key(net: Net) -> tuple[int, int, int]:
    """Containers before what they contain."""
    return net.version, int(net.network_address), net.prefixlen


def measure_depths(nets: Sequence[Net]) -> dict[Net, int]:
    """How many of the others contain each; 0 is a root."""
    depths: dict[Net, int] = {}
    around: list[Net] = []
    for net in sorted(nets, key=sort_key):
        while around and not contains(around[-1], net):
            around.pop()
        depths[net] = len(around)
        around.append(net)
    return depths


def contains(outer: Net, inner: Net) -> bool:
    """Whether every address of `inner` is one of `outer`, which may be the same network."""
    return (
        outer.version == inner.version
        and int(outer.network_address) <= int(inner.network_address)
        and int(inner.broadcast_address) <= int(outer.broadcast_address)
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """One address of a small prefix; `index` is the place in the list of those who have it."""

    address: str
    index: int | None
    reserved: bool


def draw_cells(prefix: Net, taken: Sequence[Net]) -> tuple[Cell, ...]:
    """A cell per address; none when there are too many to be drawn."""
    if prefix.num_addresses > MOST_CELLS:
        return ()
    holder: dict[int, int] = {}
    start = int(prefix.network_address)
    for index, net in enumerate(taken):
        first = max(int(net.network_address), start)
        last = min(int(net.broadcast_address), int(prefix.broadcast_address))
        holder |= dict.fromkeys(range(first, last + 1), index)
    return tuple(
        Cell(
            str(address),
            holder.get(int(address)),
            is_reserved(prefix, ipaddress.ip_network(address)),
        )
        for address in prefix
    )
