"""Tours of boards on a wall: each has its turn, and each page of each."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.paging import Paging
from dcim.web.noc.turning import MOST_BOARDS, STAYS_S, WALL_S, Tour, turn_wall

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BOARDS = st.one_of(st.sampled_from(["wall", "overview"]), st.integers(1, 10**18 - 1).map(str))
TOURS = st.builds(
    Tour,
    st.lists(BOARDS, min_size=1, max_size=6, unique=True).map(tuple),
    st.sampled_from(STAYS_S),
)
INSTANTS = st.integers(0, 2**32).map(lambda s: EPOCH + dt.timedelta(seconds=s))


@given(TOURS)
def test_a_tour_survives_its_url(tour: Tour) -> None:
    assert Tour.read(str(tour)) == tour


@given(st.text(max_size=40))
def test_any_text_is_a_tour_or_none(text: str) -> None:
    tour = Tour.read(text)
    if tour is not None:
        assert Tour.read(str(tour)) == tour


@pytest.mark.parametrize(
    "text",
    [
        "", "40", "40-", "-wall", "30-wall", "040-wall", "4O-wall", "40-wall-", "40--wall",
        "40-Wall", "40-0", "40-01", "40-1234567890123456789", "40-٣", "40-wall\n", "40-a_b",
        "40-//elsewhere.example", "40-" + "-".join(str(n + 1) for n in range(MOST_BOARDS + 1)),
    ],
)  # fmt: skip
def test_what_is_no_tour(text: str) -> None:
    assert Tour.read(text) is None


def test_a_board_named_twice_is_shown_once() -> None:
    assert Tour.read("20-7-wall-7") == Tour(("7", "wall"), 20)


@given(TOURS, INSTANTS)
def test_boards_come_one_after_another(tour: Tour, now: dt.datetime) -> None:
    then = now + dt.timedelta(seconds=tour.left_s(now))
    assert 0 < tour.left_s(now) <= tour.stay_s
    assert tour.place(then) == (tour.place(now) + 1) % len(tour.boards)
    assert tour.left_s(then) == tour.stay_s


@given(TOURS, INSTANTS, st.integers(1, 12))
def test_every_page_of_a_board_has_its_turn(tour: Tour, now: dt.datetime, pages: int) -> None:
    """However the tour's length and the number of pages fall upon each other."""
    seen, at = [], tour.place(now)
    for second in range(0, tour.stay_s * len(tour.boards) * (pages + 1), WALL_S):
        then = now + dt.timedelta(seconds=second)
        if tour.place(then) == at:
            seen.append(turn_wall(Paging(1, 10), pages * 10, then, tour).page)
    assert set(seen) == set(range(1, pages + 1))


def test_without_the_count_of_visits_pages_are_left_out() -> None:
    """The control: by the clock alone, two boards of 40 s show the first two pages of four."""
    tour = Tour(("wall", "7"), 40)
    seen = set()
    for second in range(0, 10_000, WALL_S):
        then = EPOCH + dt.timedelta(seconds=second)
        if tour.place(then) == 1:
            seen.add(turn_wall(Paging(1, 10), 40, then).page)
    assert len(seen) == 2
