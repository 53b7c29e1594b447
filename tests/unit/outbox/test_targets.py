"""Where a webhook may go: by networks and names that are listed, and nowhere by a trick."""

import ipaddress

import pytest

from dcim.errors import Message
from dcim.outbox.targets import Target, may_reach, read_url

HOOKS = ("hooks.example.com",)
OFFICE = ipaddress.ip_network("10.1.2.0/24")
PUBLIC = ("8.8.8.8", "2606:4700::1111")
# Each reaches something that isn't public, however it is written.
INNER = (
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",  # noqa: S104
    "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.88.99.1", "192.0.2.1", "198.18.0.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "ff0e::1",
    "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a01:203", "64:ff9b:1::a01:203",
    "2002:7f00:1::", "2002:a01:203::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
)  # fmt: skip


def at(host: str, scheme: str = "https") -> Target:
    return Target(scheme, host, 443, "/")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_listed_name_at_a_public_address(address: str) -> None:
    assert may_reach(at("hooks.example.com"), address, HOOKS)
    # Not listed, not posted to: the control.
    assert not may_reach(at("hooks.example.com"), address, ())
    assert not may_reach(at("other.example.com"), address, HOOKS)
    assert not may_reach(at("x.hooks.example.com"), address, HOOKS)
    # In the clear only inside a listed network.
    assert not may_reach(at("hooks.example.com", "http"), address, HOOKS)
    assert may_reach(at("10.1.2.3", "http"), "10.1.2.3", (OFFICE,))


@pytest.mark.parametrize("address", INNER)
def test_a_listed_name_leads_to_nothing_inner(address: str) -> None:
    assert not may_reach(at("hooks.example.com"), address, HOOKS)


def test_a_listed_network_may_be_private() -> None:
    for host in ("10.1.2.3", "siem.office", "hooks.example.com"):
        assert may_reach(at(host), "10.1.2.3", (OFFICE,))
        assert may_reach(at(host), "::ffff:10.1.2.3", (OFFICE,))
        assert not may_reach(at(host), "10.1.3.3", (OFFICE,))
        assert not may_reach(at(host), "64:ff9b::a01:203", (OFFICE,))
    loopback = ipaddress.ip_network("::1/128")
    assert may_reach(at("x"), "::1", (loopback,))
    assert not may_reach(at("x"), "127.0.0.1", (loopback,))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (
            "https://Hooks.Example.com./a?b=c#d",
            Target("https", "hooks.example.com", 443, "/a?b=c"),
        ),
        ("http://10.1.2.3:8080", Target("http", "10.1.2.3", 8080, "/")),
        ("https://[2606:4700::1111]/x", Target("https", "2606:4700::1111", 443, "/x")),
    ],
)
def test_a_url_as_it_is_read(url: str, target: Target) -> None:
    assert read_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example.com/x", "ftp://hooks.example.com/", "file:///etc/passwd", "https://",
        "gopher://x/", "https://user@hooks.example.com/", "https://a:b@hooks.example.com/",
        "https://hooks.example.com\r\nX: y/", "https://hooks.example.com/ HTTP/1.1", "https://[::1/",
        "https://x:99999/", "https://x:port/", "https://示例.example/", f"https://x/{'a' * 2000}",
        "https://hooks.example.com/\t", "https://@/x",
        "https://./", "https://a..example/", f"https://{'a' * 64}.example/",
    ],
)  # fmt: skip
def test_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        read_url(url)
    assert isinstance(refused.value.args[0], Message)
