"""Where an endpoint may be: what of a URL is believed, and which address it may lead to; pure."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from dcim.errors import Message

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_URL = 2000
PORTS = {"https": 443, "http": 80}
# RFC 5426, RFC 6587 (its port for streams: 601), RFC 5425.
SYSLOG_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
ENCRYPTED = ("https", "tls")
URL_EXAMPLE = "https://hooks.example.com/jifang"
SYSLOG_EXAMPLE = "tls://siem.example.com:6514"
# Public by their numbers, yet another address is meant by them: NAT64 (RFC 6052, 8215), 6to4
# (RFC 3056, 7526), Teredo (RFC 4380); and the protocols' own block (RFC 6890).
_TUNNELS: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
        "192.0.0.0/24", "192.88.99.0/24",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """`host` in lower case, a name or an address without brackets; `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str


def read_url(url: str) -> Target:
    """Raises ValueError with a Message for what nothing can be posted to."""
    return _read(url, PORTS, URL_EXAMPLE)


def read_syslog(url: str) -> Target:
    """Raises ValueError with a Message for what is no syslog server: udp://, tcp:// or tls://."""
    target = _read(url, SYSLOG_PORTS, SYSLOG_EXAMPLE)
    if target.path != "/":
        raise ValueError(Message("Write the URL like %(example)s.", example=SYSLOG_EXAMPLE))
    return target


def _read(url: str, ports: Mapping[str, int], example: str) -> Target:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(Message("A URL has at most 2000 printable characters without spaces."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(Message("This is not a URL.")) from error
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError(Message("Write the URL like %(example)s.", example=example))
    if parts.username is not None or parts.password is not None:
        raise ValueError(Message("A URL with a user or a password in it isn't kept; we sign."))
    host = parts.hostname.rstrip(".")
    if ":" not in host and not all(0 < len(label) < 64 for label in host.split(".")):
        # RFC 1035 2.3.4: nothing looks it up.
        raise ValueError(Message("Write the URL like %(example)s.", example=example))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, ports[parts.scheme] if port is None else port, path)


def may_reach(target: Target, address: str, allowed: Iterable[Network | str]) -> bool:
    """Whether `target`, found at `address`, is listed: by a network the address lies in, or by its
    host's name, then encrypted and at a public address alone: neither the way there nor who writes
    the name's records decides anything here."""
    found = _plain(ipaddress.ip_address(address.partition("%")[0]))
    names = {one for one in allowed if isinstance(one, str)}
    networks = [one for one in allowed if not isinstance(one, str)]
    if any(found in network for network in networks if network.version == found.version):
        return True
    return target.host in names and target.scheme in ENCRYPTED and _is_public(found)


def _plain(address: Address) -> Address:
    """An IPv4 address written as IPv6 (::ffff:10.0.0.1) as itself."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_public(address: Address) -> bool:
    if any(address in tunnel for tunnel in _TUNNELS if tunnel.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )
