"""Which items are billed as one."""

from collections.abc import Sequence
from dataclasses import dataclass

from dcim.sla.rules.terms import Usage
from dcim.sla.rules.usage.bandwidth import Member


@dataclass(frozen=True)
class Pool:
    """Items billed as one; `name` is the site's or the group's, "" for an item alone."""

    name: str
    members: tuple[Member, ...]


def group_members(usage: Usage, members: Sequence[Member]) -> tuple[Pool, ...]:
    """Pools as the terms say, by name, their members by item; TypeError for an unknown site.

    An item that names no group, or another, is billed alone.
    """
    found: dict[tuple[str, str], list[Member]] = {}
    for member in sorted(members, key=lambda one: one.item):
        if usage.pool == "site" and not member.site:
            raise TypeError(f"usage {usage.id}: the site of item {member.item} isn't known")
        if usage.pool == "contract":
            key = ("contract", "")
        elif usage.pool == "site":
            key = (member.site, "")
        elif usage.pool and member.group == usage.pool:
            key = (usage.pool, "")
        else:
            key = ("", member.item)
        found.setdefault(key, []).append(member)
    return tuple(Pool(key[0], tuple(found[key])) for key in sorted(found))
