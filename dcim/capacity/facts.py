"""Pure: what the search knows of one rack. Masks are of half units, watts and grams whole numbers,
instants milliseconds of the epoch."""

from dataclasses import dataclass, field

from dcim.capacity.masks import longest_run, whole


@dataclass(frozen=True, slots=True)
class Claim:
    """An allocation or hold; `until_ms` is when it ends, none when it doesn't.

    `item_id` is the contract item it is sold by: an item counts its watts once in a rack.
    """

    kind: str
    mask: int
    until_ms: int | None
    watts: int
    holder: str
    customer_id: int | None = None
    item_id: int | None = None

    def stands(self, at_ms: int) -> bool:
        """Whether it is in the way of somebody who comes at `at_ms` to stay: what begins later
        is so too."""
        return self.until_ms is None or self.until_ms > at_ms


@dataclass(frozen=True, slots=True)
class Tenant:
    """What one owner's devices take in a rack; no customer: the operator's."""

    customer_id: int | None
    mask: int
    weight_g: int
    plate_w: int


@dataclass(frozen=True, slots=True)
class RackFacts:
    """`position` is the cabinet's in its row, `place` the rack's in its cabinet. `closed` says why
    nothing may be put here (the cabinet's state), empty when it may. `ports` are free switch ports
    of switches in this rack, by speed."""

    rack_id: int
    code: str
    u_count: int
    place: int
    cabinet_id: int
    cabinet_code: str
    layout: str
    position: int
    weight_limit_g: int
    closed: str
    row_id: int
    row_code: str
    row_position: int
    room_id: int
    site_id: int
    cage_id: int | None = None
    barred: int = 0
    tenants: tuple[Tenant, ...] = ()
    claims: tuple[Claim, ...] = ()
    ports: dict[int, int] = field(default_factory=dict)

    @property
    def installed(self) -> int:
        mask = 0
        for tenant in self.tenants:
            mask |= tenant.mask
        return mask

    @property
    def weight_g(self) -> int:
        return sum(tenant.weight_g for tenant in self.tenants)

    def free(self, at_ms: int, *, despite_holds: bool = False) -> int:
        """Half units that are nobody's from `at_ms` on."""
        taken = self.installed | self.barred
        for claim in self.claims:
            if claim.stands(at_ms) and not (despite_holds and claim.kind == "hold"):
                taken |= claim.mask
        return whole(self.u_count) & ~taken

    def draw_w(self, at_ms: int) -> int:
        """What must be reckoned with: what is contracted and held, once for each item; and the
        plates of what stands here by no contracted number."""
        watts: dict[object, int] = {}
        agreed = set()
        for place, claim in enumerate(self.claims):
            if claim.stands(at_ms):
                key: object = claim.item_id if claim.item_id is not None else (place,)
                watts[key] = max(watts.get(key, 0), claim.watts)
                if claim.watts:
                    agreed.add(claim.customer_id)
        plates = sum(tenant.plate_w for tenant in self.tenants if tenant.customer_id not in agreed)
        return sum(watts.values()) + plates

    def longest(self, at_ms: int) -> int:
        return longest_run(self.free(at_ms), self.u_count)


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """`carriers` are the codes of those who reach the room."""

    room_id: int
    code: str
    name: str
    name_en: str
    site_id: int
    site_code: str
    carriers: frozenset[str] = frozenset()
    building: str = ""
