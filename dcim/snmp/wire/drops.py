"""What was not accepted of what the network sent, counted by reason and by whom it concerns."""

from collections import Counter
from typing import TypeAlias

# Address and UDP port.
Peer: TypeAlias = tuple[str, int]

# A request without a valid answer within its time, whether it was asked again or given up. No
# datagram was dropped, so it stands under its agent only, not in the sum of all.
UNANSWERED = "unanswered"
# A datagram from an agent that was asked before, but nothing at that moment.
LATE = "late"
# More peers than an installation polls: forgotten then, their late answers are strangers'.
_MOST_PEERS = 65_536


class Drops(Counter[str]):
    """All drops by reason. Those of agents that were asked are kept apart until they are taken.

    What comes from an address nobody asked belongs to no agent: a late answer is none of these, as
    an address that was asked once is remembered. Reasons are our own words, so there are few.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked: set[Peer] = set()
        self._of: dict[Peer, Counter[str]] = {}
        self._strays: Counter[str] = Counter()

    def expect(self, peer: Peer) -> None:
        """Remember that this address is asked."""
        if peer not in self._asked:
            if len(self._asked) >= _MOST_PEERS:
                self._asked.clear()
            self._asked.add(peer)

    def is_expected(self, peer: Peer) -> bool:
        return peer in self._asked

    def note(self, reason: str, peer: Peer | None = None) -> None:
        """Count a drop: of the agent at `peer` if it was asked, else of nobody."""
        self[reason] += 1
        if peer in self._asked:
            self._of.setdefault(peer, Counter())[reason] += 1
        else:
            self._strays[reason] += 1

    def note_unanswered(self, peer: Peer) -> None:
        self._of.setdefault(peer, Counter())[UNANSWERED] += 1

    def take(self, peer: Peer) -> dict[str, int]:
        """What was counted of an agent since this was last asked."""
        return dict(self._of.pop(peer, ()))

    @property
    def waiting(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._of or self._strays)

    def take_strays(self) -> dict[str, int]:
        """What was counted of nobody since this was last asked."""
        strays = dict(self._strays)
        self._strays.clear()
        return strays
