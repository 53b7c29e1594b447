"""`dcim syslog` receives where it is told to, and says so where it isn't told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from dcim.cli import main
from dcim.commands import syslog as commands
from dcim.syslog.receiver import SyslogReceiver
from tests.integration.syslog.conftest import SyslogHouse


def run(
    house: SyslogHouse, monkeypatch: pytest.MonkeyPatch, listen: tuple[str, int] | None
) -> tuple[Result, list[SyslogReceiver]]:
    """What came of the command, and what it would have run."""
    settings = replace(house.settings, syslog_in_listen=listen)
    ran: list[SyslogReceiver] = []

    @contextmanager
    def here(ctx: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(settings=settings, make_sessions=lambda pool_size: house.sessions)

    monkeypatch.setattr(commands, "instance_of", here)
    monkeypatch.setattr(commands, "configure_logging", lambda *_, **__: None)
    monkeypatch.setattr(commands, "run_until_stopped", ran.append)
    return CliRunner().invoke(main, ["syslog"]), ran


def test_it_receives_where_it_is_told_to(
    house: SyslogHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, [receiver] = run(house, monkeypatch, ("127.0.0.1", 5514))
    assert result.exit_code == 0
    assert receiver.place.listen == ("127.0.0.1", 5514)
    assert receiver.spool.folder == house.settings.spool_folder / "syslog"


def test_it_says_that_nothing_is_received(
    house: SyslogHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, ran = run(house, monkeypatch, None)
    assert result.exit_code == 1
    assert "DCIM_SYSLOG_IN_LISTEN is empty" in result.output
    assert not ran
