"""How often one source may ask for something costly: in this process, without a database."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

# Sources remembered; beyond that the one that asked longest ago is forgotten.
LARGEST = 10_000


class SourceLimit:
    """At most `count` takes in any `seconds` from one source."""

    def __init__(
        self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count, self._seconds, self._clock = count, seconds, clock
        self._takes: OrderedDict[str, deque[float]] = OrderedDict()
        self._turn = threading.Lock()

    def take(self, source: str) -> float:
        """0 when allowed (and counted), else the seconds to wait."""
        now = self._clock()
        with self._turn:
            takes = self._takes.setdefault(source, deque())
            self._takes.move_to_end(source)
            while takes and takes[0] <= now - self._seconds:
                takes.popleft()
            if len(takes) >= self._count:
                return takes[0] + self._seconds - now
            takes.append(now)
            while len(self._takes) > LARGEST:
                self._takes.popitem(last=False)
            return 0.0
