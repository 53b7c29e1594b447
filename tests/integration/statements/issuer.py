"""Issues the month in a process of its own, so that it can be killed; settings come by stdin."""

import sys
from pathlib import Path

from dcim.config import EncryptionKeys, Settings
from dcim.db import make_engine, make_sessions
from dcim.statements.monthly_run import issue_month
from tests.integration.statements.town import PERIOD, SYSTEM


def main() -> None:
    data, url, secret_key, key_id, key = (sys.stdin.readline().rstrip("\n") for _ in range(5))
    settings = Settings(
        data=Path(data),
        secret_key=secret_key,
        encryption=EncryptionKeys(key_id, {key_id: bytes.fromhex(key)}),
        database_url=url,
        owner_database_url=url,
    )
    sessions = make_sessions(make_engine(url))
    sys.stdout.write("go\n")
    sys.stdout.flush()
    run = issue_month(sessions, SYSTEM, settings, PERIOD)
    if run.failed:
        raise SystemExit(f"failed: {run.failed}")
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
