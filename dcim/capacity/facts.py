"""Pure: what the search knows of one rack. Masks are of half units, watts and grams whole numbers,
instants milliseconds of the epoch."""

from dataclasses import dataclass, field

from dcim.capacity.masks import longest_run, whole


@dataclass(frozen=True, slots=True)
class When:
    """`at_ms`: when the space is wanted from, to stay; `now_ms`: when the question is asked."""

    at_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """An allocation or hold; `until_ms` is when it ends, none when it doesn't; it begins at
    `starts_ms`.

    `item_id` is the contract item it is sold by: an item counts its watts once in a rack.
    """

    kind: str
    mask: int
    until_ms: int | None
    watts: int
    holder: str
    customer_id: int | None = None
    item_id: int | None = None
    starts_ms: int = 0

    def stands(self, when: When) -> bool:
        """Whether it is in the way of somebody who comes to stay: what begins later is so too."""
        return self.until_ms is None or self.until_ms > when.at_ms

    def ends_before(self, when: When) -> bool:
        """Whether it binds now and is over by then."""
        return self.until_ms is not None and when.now_ms < self.until_ms <= when.at_ms


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
    # From which end its units are printed; places count from the bottom.
    numbering: str = "up"

    @property
    def weight_g(self) -> int:
        return sum(tenant.weight_g for tenant in self.tenants)

    def staying(self, when: When) -> list[Tenant]:
        """Whose devices are still here then: all but those of a customer who stands wholly in
        allocations of his own that end before."""
        return [
            tenant
            for tenant in self.tenants
            if not tenant.mask
            or tenant.customer_id is None
            or tenant.mask & ~self._given_up(tenant.customer_id, when)
        ]

    def _given_up(self, customer_id: int, when: When) -> int:
        mask = 0
        for claim in self.claims:
            if claim.kind == "allocation" and claim.customer_id == customer_id:
                mask |= claim.mask if claim.ends_before(when) else 0
        return mask

    def taken(self, when: When, *, despite_holds: bool = False) -> int:
        """Half units somebody has from then on."""
        mask = 0
        for tenant in self.staying(when):
            mask |= tenant.mask
        for claim in self.claims:
            if claim.stands(when) and not (despite_holds and claim.kind == "hold"):
                mask |= claim.mask
        return mask

    def free(self, when: When, *, despite_holds: bool = False) -> int:
        """Half units that are nobody's from then on, and usable."""
        taken = self.taken(when, despite_holds=despite_holds)
        return whole(self.u_count) & ~(taken | self.barred)

    def is_empty(self, when: When) -> bool:
        """Nobody has any of it, and not all of it is barred: it can be had as a whole."""
        everything = whole(self.u_count)
        return not self.taken(when) & everything and bool(everything & ~self.barred)

    def draw_w(self, when: When) -> int:
        """What must be reckoned with from then on: the most that is contracted and held at one
        time, each item once; and the plates of what stands here by no contracted number."""
        agreed = {one.customer_id for one in self.claims if one.watts and one.stands(when)}
        staying = self.staying(when) if self.tenants else []
        plates = sum(tenant.plate_w for tenant in staying if tenant.customer_id not in agreed)
        later = [one.starts_ms for one in self.claims if one.starts_ms > when.at_ms]
        return plates + max(self._agreed_w(instant) for instant in (when.at_ms, *later))

    def _agreed_w(self, instant: int) -> int:
        watts: dict[object, int] = {}
        for place, claim in enumerate(self.claims):
            ended = claim.until_ms is not None and claim.until_ms <= instant
            if claim.watts and claim.starts_ms <= instant and not ended:
                key: object = (place,) if claim.item_id is None else claim.item_id
                watts[key] = max(watts.get(key, 0), claim.watts)
        return sum(watts.values())

    def longest(self, when: When) -> int:
        return longest_run(self.free(when), self.u_count)


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
