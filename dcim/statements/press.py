"""Statements rendered in processes of their own, beside the one that freezes and books them.

Layout is most of the work of a statement and touches neither database nor disk: it goes to as many
processes as there are cores. They are forked from a server that has loaded and warmed WeasyPrint
once, so that threads of the caller are never forked along, and they end with their parent.
"""

import gc
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

from dcim.statements.printing import print_statement

# More would only wait for each other's memory bus; four keep up with one that freezes.
MOST_PROCESSES = 4
# What text layout keeps of each text it has seen grows slowly with them; a process that ends gives
# all of it back, and another is forked in a moment.
STATEMENTS_EACH = 50
__all__ = ["BrokenProcessPool", "Press", "open_press"]


class Press:
    """Renders statements at once in `width` processes."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._pool = _make_pool(width)
        self._taken = 0

    def print(self, document: Mapping[str, Any], inputs: bytes) -> Future[bytes]:
        """The unsigned PDF to come of a statement's document and its packed inputs.

        Its result raises what `print_statement` raises, or BrokenProcessPool when a process died.
        """
        if self._taken == STATEMENTS_EACH * self.width:
            # It does what it was given to the end; only then do its processes go.
            self._pool.shutdown(wait=False)
            self._renew()
        self._taken += 1
        try:
            return self._pool.submit(print_statement, document, inputs)
        except BrokenProcessPool:
            # A pool that has lost a process takes nothing any more.
            self.close()
            self._renew()
            self._taken = 1
            return self._pool.submit(print_statement, document, inputs)

    def _renew(self) -> None:
        self._pool, self._taken = _make_pool(self.width), 0

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def open_press(width: int | None = None) -> Iterator[Press]:
    """A press as wide as the machine allows; its processes start with the first statement."""
    press = Press(width or min(MOST_PROCESSES, os.cpu_count() or 1))
    try:
        yield press
    finally:
        press.close()


def _make_pool(width: int) -> ProcessPoolExecutor:
    context = get_context("forkserver")
    context.set_forkserver_preload(["dcim.statements.printing_room"])
    return ProcessPoolExecutor(width, context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """In each process: of one whose caller was killed nobody would take the work, and the server
    it was forked from lives as long as it does."""
    gc.freeze()
    caller = parent_process()
    if caller is not None:
        Thread(target=_await_end, args=(caller.sentinel,), daemon=True).start()


def _await_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
