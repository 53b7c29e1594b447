"""Serving the queue for as long as a worker lives, also while its database is away."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import psycopg
import structlog
from procrastinate import exceptions as queue_errors
from psycopg.conninfo import make_conninfo

from dcim.db import KEEP_ALIVE

log = structlog.get_logger(__name__)

# Pause before the queue is joined again, seconds.
REJOIN_S = 1.0
Serve = Callable[[], Coroutine[Any, Any, None]]


async def serve_until_stopped(
    conninfo: str, serve: Serve, beside: Sequence[Coroutine[Any, Any, None]]
) -> None:
    """`serve` again and again, and what runs beside it, until SIGTERM or SIGINT or an error that
    has nothing to do with the database. `conninfo` holds a password: never log it."""
    tasks = [asyncio.create_task(_serve_again_and_again(conninfo, serve))]
    tasks += [asyncio.create_task(one) for one in beside]
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopped.set()
        for number in signals:  # who insists is obeyed at once
            loop.remove_signal_handler(number)

    signals = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is threading.main_thread():
        for number in signals:
            loop.add_signal_handler(number, stop)
    waiting = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, waiting):
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        # Leaving a queue whose database is away is no failure.
        if isinstance(outcome, Exception) and not isinstance(outcome, _LOST):
            raise outcome


# What a database that can't be reached raises through the queue.
_LOST = (queue_errors.ConnectorException, psycopg.OperationalError)


async def _serve_again_and_again(conninfo: str, serve: Serve) -> None:
    """Serve the queue whenever the database answers; raises what has nothing to do with it."""
    while True:
        await _await_database(conninfo)
        try:
            await serve()
            # It has stopped by itself: its listener or its heartbeat lost their connection.
            log.warning("queue lost")
        except _LOST as error:
            log.warning("queue lost", error=type(error.__cause__ or error).__name__)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # told to stop while it couldn't sign off
        await asyncio.sleep(REJOIN_S)


async def _await_database(conninfo: str) -> None:
    """The queue's own pool would wait longer and longer between its tries."""
    silent = False
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                make_conninfo(conninfo, **KEEP_ALIVE)
            )
        except psycopg.OperationalError as error:
            if not silent:
                log.warning("queue waits for the database", error=type(error).__name__)
            silent = True
            await asyncio.sleep(REJOIN_S)
        else:
            await connection.close()
            return
