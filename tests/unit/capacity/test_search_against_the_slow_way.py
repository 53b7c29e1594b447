"""The search on columns finds exactly what trying everything one by one finds."""

from dataclasses import replace

from hypothesis import given, settings

from dcim.capacity.facts import When
from dcim.capacity.judging import BIT, judge
from dcim.capacity.proposals import propose
from dcim.capacity.refusals import explain, find_gains
from dcim.capacity.wish import Wish
from dcim.columns import utc_now
from tests.unit.capacity.worlds import (
    NOW,
    World,
    is_good,
    most_places,
    takes,
    whens,
    wishes,
    worlds,
)


@given(worlds(), wishes, whens)
@settings(max_examples=100)
def test_a_rack_fits_just_when_nothing_speaks_against_one_place(
    world: World, wish: Wish, when: When
) -> None:
    judged = judge(world.board, wish, when)
    for at, rack in enumerate(judged.board.racks):
        alone = not judged.against[at] & ~BIT["together"]
        assert alone == takes(world, rack, wish, when), rack


@given(worlds(), wishes, whens)
@settings(max_examples=100)
def test_every_proposal_keeps_every_promise(world: World, wish: Wish, when: When) -> None:
    judged = judge(world.board, wish, when)
    for made in propose(judged, when, 5):
        assert len(made.places) == wish.count
        assert is_good(world, wish, made, when)


@given(worlds(), wishes, whens)
@settings(max_examples=80)
def test_one_place_is_proposed_wherever_one_rack_fits(world: World, wish: Wish, when: When) -> None:
    alone = replace(wish, count=1)
    judged = judge(world.board, alone, when)
    found = propose(judged, when, 50)
    fitting = {rack.rack_id for rack in world.racks if takes(world, rack, alone, when)}
    assert {made.places[0].rack.rack_id for made in found} == fitting
    assert [made.points for made in found] == sorted((made.points for made in found), reverse=True)


@given(worlds(), wishes, whens)
@settings(max_examples=80)
def test_every_refused_rack_says_why(world: World, wish: Wish, when: When) -> None:
    judged = judge(world.board, wish, when)
    spots = [at for at in range(len(judged.board.racks)) if judged.against[at]]
    for refusal in explain(judged, spots, when):
        assert refusal.details
        assert all(str(detail) for detail in refusal.details)
    assert sum(judged.count_by_reason().values()) == len(spots)


@given(worlds(), wishes, whens)
@settings(max_examples=100)
def test_what_loosening_gains_is_what_the_looser_wish_finds(
    world: World, wish: Wish, when: When
) -> None:
    board = world.board
    judged = judge(board, wish, when)
    for gain in find_gains(judged, board, when, utc_now().date()):
        if gain.change == "starts_on":
            continue
        after = judge(board, gain.wish, when).fits
        assert gain.racks == sum(after & ~judged.fits) > 0


@given(worlds(), worlds(), wishes)
@settings(max_examples=80)
def test_a_board_brought_up_to_date_is_as_one_made_anew(
    world: World, other: World, wish: Wish
) -> None:
    board = world.board
    judge(board, wish, When(NOW, NOW))
    changed = {
        mine.rack_id: replace(
            mine, tenants=theirs.tenants, claims=theirs.claims, barred=theirs.barred
        )
        for mine, theirs in zip(world.racks, other.racks, strict=False)
    }
    merged = {rack.rack_id: rack for rack in world.racks} | changed
    fresh = World(list(merged.values()), world.rooms, world.nodes).board
    for at in (NOW - 1, NOW, NOW + 1, NOW + 100):
        instant = When(at, NOW - 1)
        updated, anew = judge(board.replace(changed), wish, instant), judge(fresh, wish, instant)
        assert (updated.against == anew.against).all()
        assert (updated.places == anew.places).all()
        assert (updated.moment.load_w == anew.moment.load_w).all()


@given(worlds(), wishes, whens)
@settings(max_examples=100)
def test_places_are_as_many_as_can_be(world: World, wish: Wish, when: When) -> None:
    plain = Wish(kind="units", units=wish.units, feeds="single")
    judged = judge(world.board, plain, when)
    for at, rack in enumerate(judged.board.racks):
        if judged.fits[at]:
            assert judged.places[at] == most_places(rack, wish.units, when)
