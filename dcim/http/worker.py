"""The worker of gunicorn that serves Jifang."""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]


class EvenWorker(ThreadWorker):  # type: ignore[misc]
    """Lets a connection go after its answer while others wait for a thread: its client connects
    anew, to whichever worker is free. Kept, connections would stay with a worker that happened to
    accept most of them, while the other idles."""

    # ThreadWorker closes connections instead of keeping more than this many.
    @property
    def max_keepalived(self) -> int:
        waiting = self.tpool is not None and self.tpool._work_queue.qsize() > 0
        return 0 if waiting else int(self.worker_connections - self.cfg.threads)

    @max_keepalived.setter
    def max_keepalived(self, value: Any) -> None:
        """Set once by ThreadWorker; worked out here each time."""
