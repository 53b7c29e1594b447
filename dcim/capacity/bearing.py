"""Pure: whether places that share nodes of the power chain, a cabinet or switch ports bear it
together; each alone was judged before."""

from collections.abc import Mapping

from dcim.capacity.board import Board, Numbers
from dcim.capacity.chain import FEEDS
from dcim.capacity.facts import RackFacts
from dcim.capacity.judging import Judgement
from dcim.capacity.wish import Wish


def bears(
    judged: Judgement, wanted: Mapping[int, int], feeds: Mapping[int, tuple[str, ...]]
) -> bool:
    """`wanted` counts places by the rack's spot on the board; `feeds` are those each draws from."""
    wish, board = judged.wish, judged.board
    if wish.watts and not _chain_bears(judged, wanted, feeds):
        return False
    if wish.weight_g and not _enough(board.cabinet, wanted, wish.weight_g, board.weight_left):
        return False
    if wish.ports:
        scope = 0 if wish.port_scope == "row" else 1
        groups = board.row if scope == 0 else board.room
        return _enough(groups, wanted, wish.ports, board.ports(wish.port_bps)[scope])
    return True


def _chain_bears(
    judged: Judgement, wanted: Mapping[int, int], feeds: Mapping[int, tuple[str, ...]]
) -> bool:
    board = judged.board
    for feed in FEEDS:
        added: dict[int, int] = {}
        for at, count in wanted.items():
            if feed in feeds[at]:
                for rack, watts in doors_of(board, at, judged.wish):
                    added[rack.rack_id] = added.get(rack.rack_id, 0) + watts * count
        if not board.spread.carries(judged.moment.load_w, added, (feed,)):
            return False
    return True


def _enough(groups: Numbers, wanted: Mapping[int, int], each: int, left: Numbers) -> bool:
    """Whether what is left in every group (a cabinet, row or room) is enough for its places."""
    asked: dict[int, int] = {}
    for at, count in wanted.items():
        asked[int(groups[at])] = asked.get(int(groups[at]), 0) + count * each
    return all(asked[int(groups[at])] <= int(left[at]) for at in wanted)


def feeds_for(judged: Judgement, at: int) -> tuple[str, ...]:
    """Both; or of a single feed the one with more left."""
    if judged.wish.feeds == "both":
        return FEEDS
    left = judged.moment.left_w[at]
    return ("B",) if left[1] > left[0] else ("A",)


def doors_of(board: Board, at: int, wish: Wish) -> list[tuple[RackFacts, int]]:
    """The racks one place is made of, with each one's watts."""
    if wish.kind != "cabinet":
        return [(board.racks[at], wish.watts)]
    racks = board.racks_of(int(board.cabinet[at]))
    return [(rack, -(-wish.watts // len(racks))) for rack in racks]
