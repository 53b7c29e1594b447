"""Our own SNMPv3 engine, for informs: its id and how often it was started, kept in a file.

The file isn't part of a backup. A restored instance is a new engine whose boots begin at one: with
the old id its boots would go back, and senders would refuse its answers.
"""

import json
import secrets
from pathlib import Path

from dcim.snmp.traps.v3 import OwnEngine
from dcim.snmp.wire.v3_message import MAX_INTEGER
from dcim.whole_files import UNFINISHED, write_whole

FOLDER = "traps"
_FILE = "engine.json"
# RFC 3411, SnmpEngineID: the first bit, an enterprise's number (0: we have none), format 5 (octets
# of our own choice), and these.
_PREFIX = bytes.fromhex("8000000005")
_RANDOM_OCTETS = 12


def start_engine(data: Path, now_s: float) -> OwnEngine:
    """The engine, once more started; that is on disk on return. Raises OSError."""
    folder = data / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine_id, boots = _read(folder / _FILE)
    if boots >= MAX_INTEGER - 1:  # RFC 3414, 2.2.2: an engine that can't count on is a new one
        engine_id, boots = _new_id(), 0
    (folder / (_FILE + UNFINISHED)).unlink(missing_ok=True)
    told = {"engine_id": engine_id.hex(), "boots": boots + 1}
    write_whole(folder, _FILE, json.dumps(told).encode())
    return OwnEngine(engine_id, boots + 1, now_s)


def _read(path: Path) -> tuple[bytes, int]:
    try:
        told = json.loads(path.read_bytes())
        engine_id, boots = bytes.fromhex(told["engine_id"]), int(told["boots"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return _new_id(), 0
    return (engine_id, boots) if 5 <= len(engine_id) <= 32 else (_new_id(), 0)


def _new_id() -> bytes:
    return _PREFIX + secrets.token_bytes(_RANDOM_OCTETS)
