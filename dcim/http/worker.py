"""The worker of gunicorn that serves Jifang.

Connections that are kept stay with the worker that happened to accept them, and a browser's or a
program's many requests with it, while the other worker idles. These workers know of each other how
many requests each has, and the busier one lets connections go.
"""

import gc
import mmap
import threading
import time
from concurrent.futures import Future
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

MOST_WORKERS = 64
# Shared by the workers, for they are forked from the process that read this: the requests of each.
# Each writes its own byte alone.
REQUESTS = mmap.mmap(-1, MOST_WORKERS)
# So many more than the idlest worker are too many.
UNEVEN = 2
# A new connection is left to another for so many milliseconds.
LEFT_MS = 5


class EvenWorker(ThreadWorker):  # type: ignore[misc]
    _left = 0

    def init_process(self) -> None:
        self.take_slot()
        super().init_process()

    def take_slot(self) -> None:
        """Ages count the workers started so far: who replaces one of two has its slot, mostly."""
        self._slot = (self.age - 1) % min(self.cfg.workers, MOST_WORKERS)
        self._requests = 0
        self.count(0)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        # The application lives as long as the worker: what looks for garbage needn't walk through
        # it, nor look after every few hundred objects, of which a page makes some ten thousand.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def _warm(self) -> None:
        try:
            self.wsgi.extensions["jifang_warm"]()
        except Exception:
            # Whoever needs it reads it then, and is told what is wrong.
            self.log.exception("nothing was read beforehand")

    def accept(self, listener: Any) -> None:
        if self._is_busier() and self._left < LEFT_MS:
            self._left += 1
            time.sleep(0.001)
            return
        self._left = 0
        super().accept(listener)

    def enqueue_req(self, conn: TConn) -> None:
        self.count(1)
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        self.count(-1)
        super().finish_request(conn, fs)

    # ThreadWorker closes a connection after its answer instead of keeping more than this many.
    @property
    def max_keepalived(self) -> int:
        return 0 if self._is_busier() else int(self.worker_connections - self.cfg.threads)

    @max_keepalived.setter
    def max_keepalived(self, value: int) -> None:
        """Set once by ThreadWorker; worked out here each time."""

    def count(self, change: int) -> None:
        """By the main thread alone."""
        self._requests += change
        REQUESTS[self._slot] = min(max(self._requests, 0), 255)

    def _is_busier(self) -> bool:
        others = [
            REQUESTS[slot]
            for slot in range(min(self.cfg.workers, MOST_WORKERS))
            if slot != self._slot
        ]
        return bool(others) and self._requests >= min(others) + UNEVEN
