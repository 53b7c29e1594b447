"""Polling goes on while PostgreSQL is away: no jobs come then, so a worker keeps the beat itself.

A worker goes on with the shards it polled last, from memory; what they say is spooled. Of several
workers on a machine one takes each beat of a shard; on several machines two may poll the same one,
which is harmless, as each poll is recorded once. A worker that starts during the outage knows no
shard: secrets aren't written to disk for it.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from dcim.snmp.polling.room import PollingRoom, beat_of
from dcim.snmp.polling.shards import poll_remembered, poll_shard

log = structlog.get_logger(__name__)

# How often a database that is away is asked whether it is back, seconds.
PROBE_S = 1.0
# A shard is taken for this worker's if its last poll isn't older than so many intervals.
HELD_INTERVALS = 1.5
# For so many intervals after an outage a poll that no job brings is made all the same: the queue
# has to be joined again, and a job cut off by the outage bars its shard until it is taken back.
RECOVERING_INTERVALS = 2


@dataclass(slots=True)
class OutageBridge:
    """Watches one worker's beat; `run` goes on until it is cancelled."""

    room: PollingRoom
    away: bool = False
    _recovering_until: float = float("-inf")
    _held: set[int] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def interval_s(self) -> int:
        return self.room.settings.poll_interval_s

    async def run(self) -> None:
        try:
            await self._replay()
            while True:
                try:
                    await (self._bridge_beat() if self.away else self._watch_beat())
                except Exception:
                    log.exception("bridging failed")
                    await asyncio.sleep(PROBE_S)
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch_beat(self) -> None:
        """Wait until a beat's jobs should have come, and see whether the database is there if not.

        Nothing is asked of the database as long as they come.
        """
        grace_s = min(self.interval_s / 4, 5.0)
        now_s = time.time()
        beat = beat_of(self.room.settings, now_s - grace_s) + 1
        await asyncio.sleep(beat * self.interval_s + grace_s - now_s)
        began = time.monotonic() - grace_s - 0.5
        late = self._fresh() - {
            shard for shard, round_ in self.room.rounds.items() if round_.began >= began
        }
        if self.room.keeper.spool.waiting():
            self._start(self._replay())
        if not late:
            return
        if await self._database_answers():
            if time.monotonic() < self._recovering_until:
                self._poll(late, beat)
            return
        log.warning("database away: this worker polls on by itself", shards=sorted(late))
        self.away = True
        self._held = self._fresh()
        self._poll(late, beat)

    async def _bridge_beat(self) -> None:
        """Poll at the next beat, unless the database is back before."""
        beat = beat_of(self.room.settings, time.time()) + 1
        while (left_s := beat * self.interval_s - time.time()) > 0:
            await asyncio.sleep(min(left_s, PROBE_S))
            if await self._database_answers():
                log.info("database is back")
                self.away = False
                self._recovering_until = time.monotonic() + RECOVERING_INTERVALS * self.interval_s
                self._start(self._replay())
                return
        self._held |= self._fresh()
        self._poll(self._held, beat)

    def _fresh(self) -> set[int]:
        """Shards that are this worker's: polled by it a short while ago."""
        since = time.monotonic() - HELD_INTERVALS * self.interval_s
        rounds = self.room.rounds.items()
        return {shard for shard, round_ in rounds if round_.plans and round_.began >= since}

    def _poll(self, shards: set[int], beat: int) -> None:
        for shard in sorted(shards):
            # One that is being polled still isn't asked twice.
            if self.room.rounds[shard].turn.locked():
                continue
            if self.room.keeper.spool.claim_beat(shard, beat):
                self._start(self._poll_one(shard))

    async def _poll_one(self, shard: int) -> None:
        try:
            await (poll_remembered if self.away else poll_shard)(self.room, shard)
        except Exception:
            log.exception("poll failed", shard=shard)

    async def _replay(self) -> None:
        try:
            await asyncio.to_thread(self.room.keeper.replay_all)
        except Exception:
            log.exception("replay failed")

    async def _database_answers(self) -> bool:
        return await asyncio.to_thread(self.room.database_answers)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
