"""The map's links put in order, and as flat rows for files and the API."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from dcim.network.cables import PortPlace
from dcim.sla.links import MapLink
from dcim.sla.ports import PortNow
from dcim.snmp.discovery.link_verdicts import Verdict

# What wants a person comes first.
_URGENCY = (Verdict.CONTRADICTS, Verdict.HEARD, Verdict.RECORDED, Verdict.AGREES)


@dataclass(frozen=True, slots=True)
class LinkEndRow:
    """`place` is site, room, row, cabinet and rack; empty where the device stands nowhere. `lag` is
    the LAG that the port is a member of, `hears` whether its device hears the other end."""

    port_id: int
    port: str
    device_id: int
    device: str
    place: str
    lag: str | None
    hears: bool


@dataclass(frozen=True, slots=True)
class DeviceLinkRow:
    """`share` is of the speed, by the busier direction at the end that says more. `via` are the
    panel ports between, from `a`. What nobody heard for three days counts as not heard."""

    a: LinkEndRow
    z: LinkEndRow
    verdict: str
    is_recorded: bool
    state: str
    share: float | None
    heard_since: dt.datetime | None
    heard_at: dt.datetime | None
    via: list[str]


def sort_links(links: Iterable[MapLink]) -> list[MapLink]:
    return sorted(links, key=lambda one: _URGENCY.index(one.link.verdict))


def describe_link(one: MapLink) -> DeviceLinkRow:
    link = one.link
    return DeviceLinkRow(
        _describe_end(link.a, one.a_now, hears=link.a.id in link.heard_by),
        _describe_end(link.z, one.z_now, hears=link.z.id in link.heard_by),
        str(link.verdict),
        link.is_recorded,
        one.state,
        one.share,
        link.heard_since,
        link.heard_at,
        [each.label for each in link.via],
    )


def _describe_end(end: PortPlace, now: PortNow | None, *, hears: bool) -> LinkEndRow:
    lag = (now.lag_name or None) if now else None
    return LinkEndRow(end.id, end.name, end.device_id, end.device_name, end.place, lag, hears)
