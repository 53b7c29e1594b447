"""Keeps the judged month of a contract for a few minutes: working it out takes seconds."""

import datetime as dt
import threading
from collections import OrderedDict

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.statements.error_budgets import MonthToDate
from dcim.statements.month_to_date import tell_month

KEEP_S = 300
LARGEST = 500

# By instance (its database), customer and contract: one tenant's never answers another.
Key = tuple[str, int | None, int]


class MonthMemory:
    """One per process. Whoever asks for what is being worked out waits for it."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept: OrderedDict[Key, tuple[dt.datetime, MonthToDate]] = OrderedDict()
        self._under_way: dict[Key, threading.Lock] = {}

    def tell(
        self, session: ScopedSession, scope: Scope, contract_id: int, now: dt.datetime
    ) -> MonthToDate:
        """Raises what `tell_month` raises; what was refused is not kept."""
        key = (str(session.get_bind().engine.url), scope.customer_id, contract_id)
        with self._turn:
            work = self._under_way.setdefault(key, threading.Lock())
        with work:
            with self._turn:
                kept = self._kept.get(key)
            if kept is not None and 0 <= (now - kept[0]).total_seconds() < KEEP_S:
                return kept[1]
            found = tell_month(session, scope, contract_id, now)
            with self._turn:
                self._kept[key] = (now, found)
                self._kept.move_to_end(key)
                while len(self._kept) > LARGEST:
                    dropped, _gone = self._kept.popitem(last=False)
                    self._under_way.pop(dropped, None)
            return found


months = MonthMemory()
