"""The folder of what waits: how much it may take, and what is set aside in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcim.intake.spool import Spool, SpoolFullError
from dcim.whole_files import UNFINISHED


def test_small_files_take_whole_blocks_of_the_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10 * 4_096, ".traps")
    for _ in range(10):
        spool.put(b"{}")
    with pytest.raises(SpoolFullError):
        spool.put(b"{}")
    spool.remove(spool.waiting()[0])
    spool.put(b"{}")


def test_what_is_set_aside_leaves_room_for_what_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000, ".traps")
    for number in range(30):
        spool.put(bytes(15_000))
        [path] = spool.waiting()
        if number % 2:
            spool.set_aside(path, "damaged")
        else:
            spool.put_aside(path, bytes(15_000))
    assert not spool.waiting()
    assert 80_000 <= spool.taken() <= 100_000


def test_what_was_left_unfinished_is_swept_out(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000, ".traps")
    spool.put(b"{}")
    [path] = spool.waiting()
    for ending in ("", ".damaged"):
        path.with_name(path.name + ending + UNFINISHED).touch()
    spool.sweep_out()
    assert list(tmp_path.iterdir()) == [path]
