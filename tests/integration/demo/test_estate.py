"""A large estate keeps every rule that the services keep, as the services' own readers see it."""

from collections import Counter

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.capacity.facts import When
from dcim.capacity.snapshot import current_board
from dcim.columns import utc_now
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.demo.estate.load import load_estate
from dcim.demo.estate.plan import plan_racks
from dcim.errors import ConflictError, InvalidError
from dcim.inventory.models import Device, Rack
from dcim.inventory.space.contents import list_claims, list_installed, list_live_holds

SCOPE = Scope.system("test")
RACKS, SEED = 200, 7


@pytest.fixture
def estate(sessions: SessionFactory) -> dict[str, int]:
    with transaction(sessions, SCOPE) as session:
        return load_estate(session, RACKS, SEED, scope=SCOPE)


def test_the_estate_keeps_the_rules(sessions: SessionFactory, estate: dict[str, int]) -> None:
    assert estate == {"racks": 200, "devices": 2000, "customers": 10}
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(select(func.count()).select_from(Rack)) == RACKS
        assert session.scalar(select(func.count()).select_from(Device)) == 10 * RACKS
        _check_layers(session)
        _check_slots(session)
        _check_power(session)
    with transaction(sessions, SCOPE) as session, pytest.raises(ConflictError):
        load_estate(session, 10, SEED, scope=SCOPE)


def _check_layers(session: Session) -> None:
    """What stands in an allocation is its owner's; holds lie on nobody's space."""
    rack_ids = list(session.scalars(select(Rack.id)))
    installed = list_installed(session, SCOPE, rack_ids)
    claims = [
        one for one in list_claims(session, SCOPE, rack_ids=rack_ids) if one.turn == "current"
    ]
    holds = list_live_holds(session, SCOPE, rack_ids, utc_now())
    assert claims
    assert holds
    owner = {
        (claim.rack_id, u): claim.customer_id
        for claim in claims
        for u in range(claim.u_low, claim.u_low + claim.height)
    }
    servers = 0
    for one in installed:
        if one.u_low is None or one.customer_id is None:
            continue
        servers += 1
        for u in range(one.u_low, one.u_low + one.height):
            assert owner[one.rack_id, u] == one.customer_id
    assert servers > 2 * RACKS
    for hold in holds:
        units = {(hold.rack_id, u) for u in range(hold.u_low, hold.u_low + hold.height)}
        assert not units & owner.keys()


def _check_slots(session: Session) -> None:
    """Every half unit that a row claims has its slots, and no slot is without a row."""
    for layer, factor, condition in (
        ("allocation", "1", "true"),
        ("hold", "1", "true"),
        ("installation", "4", "u_low IS NOT NULL"),
    ):
        heights = f'SELECT sum(height * {factor}) FROM "{layer}" WHERE {condition}'  # noqa: S608
        expected = session.scalar(text(heights))
        kept = "WHERE installation_id IS NOT NULL" if layer == "installation" else ""
        slots = f"SELECT count(*) FROM {layer}_slot {kept}"  # noqa: S608
        found = session.scalar(text(slots))
        assert expected == found > 0, layer


def _check_power(session: ScopedSession) -> None:
    """With either feed lost, no node of the other is past its derated breaker."""
    now_ms = round(utc_now().timestamp() * 1000)
    board = current_board(session, SCOPE)
    moment = board.moment(When(now_ms, now_ms))
    assert len(board.racks) == RACKS
    assert board.spread.has.all()
    assert (moment.left_w >= 0).all()
    assert moment.draw_w.sum() > 100_000


def test_the_same_seed_makes_the_same_estate() -> None:
    assert list(plan_racks(50, 3)) == list(plan_racks(50, 3))
    assert list(plan_racks(50, 3)) != list(plan_racks(50, 4))
    layouts = Counter(one.layout for one in plan_racks(2000, 1))
    assert layouts["full"] > layouts["halves"] > 0


@pytest.mark.parametrize("racks", [0, -1, 10**9])
def test_a_size_that_cannot_be_is_refused(session: ScopedSession, racks: int) -> None:
    with pytest.raises(InvalidError):
        load_estate(session, racks, SEED)
