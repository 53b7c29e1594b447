"""Settings: what is wrong is named, with the way out, all at once."""

import base64
from ipaddress import ip_network
from pathlib import Path

import pytest

from dcim.config import ROBOT_HOSTS, load_settings, read_settings_names, write_settings_file
from dcim.db import find_sender
from dcim.errors import SettingsError
from dcim.instance import Instance


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in read_settings_names():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_settings_file(tmp_path / "instance")
    return tmp_path / "instance"


def test_a_new_instance_gets_its_own_secrets(tmp_path: Path, data: Path) -> None:
    other = tmp_path / "other"
    path = write_settings_file(other)
    assert path.stat().st_mode & 0o777 == 0o600
    first, second = load_settings(data), load_settings(other)
    assert first.secret_key != second.secret_key
    assert first.encryption.keys != second.encryption.keys
    before = path.read_text()
    write_settings_file(other)
    assert path.read_text() == before


def test_missing_secrets_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(tmp_path)
    for name in ("DCIM_SECRET_KEY", "DCIM_ENCRYPTION_KEYS"):
        assert name in str(refused.value)
    assert "To fix it" in str(refused.value)


WRONG = [
    ("DCIM_SECRET_KEY", "Zq7Vt1mZ"),
    ("DCIM_SECRET_KEY", "a" * 64),
    ("DCIM_SECRET_KEY", "changeme-changeme-changeme-changeme-1234567"),
    ("DCIM_ENCRYPTION_KEYS", "k1:not base64"),
    ("DCIM_ENCRYPTION_KEYS", "k1:" + base64.b64encode(b"x" * 16).decode()),
    ("DCIM_ENCRYPTION_KEYS", "k1:" + base64.b64encode(b"x" * 32).decode()),
    ("DCIM_ENCRYPTION_KEYS", base64.b64encode(bytes(range(32))).decode()),
    ("DCIM_PORT", "0"),
    ("DCIM_PORT", "eighty"),
    ("DCIM_TIMEZONE", "Mars/Olympus"),
    ("DCIM_LOG_LEVEL", "LOUD"),
    ("DCIM_SNMP_ALLOWED", "10.0.0.1/8"),
    ("DCIM_DATABASE_URL", "sqlite:///x"),
    ("DCIM_DATABASE_URL", "postgresql://app@db/jifang"),
    ("DCIM_POLL_INTERVAL_S", "1"),
    ("DCIM_SMTP_HOST", "mail.example.com"),  # without a sender
    ("DCIM_SMTP_SECURITY", "ssl"),
    ("DCIM_MAIL_FROM", "no address"),
    ("DCIM_MAIL_FROM", "a@example.com\r\nBcc: b@example.com"),
    ("DCIM_WEBHOOK_ALLOWED", "localhost"),
    ("DCIM_WEBHOOK_ALLOWED", "10.0.0.1/8"),
    ("DCIM_ROBOT_ALLOWED", "https://oapi.dingtalk.com"),
    ("DCIM_SYSLOG_ALLOWED", "siem"),
    ("DCIM_COOKIE_SECURE", "perhaps"),
    ("DCIM_TRAP_LISTEN", "162"),
    ("DCIM_TRAP_LISTEN", "traps.example.com:162"),
    ("DCIM_TRAP_LISTEN", "0.0.0.0:0"),
    ("DCIM_TRAP_ALLOWED", "10.0.0.1/8"),
    ("DCIM_TRAP_SOURCE_RATE", "0"),
    ("DCIM_TRAP_KEEP_DAYS", "for ever"),
    ("DCIM_SYSLOG_IN_LISTEN", "514"),
    ("DCIM_SYSLOG_IN_ALLOWED", "10.0.0.1/8"),
    ("DCIM_SYSLOG_IN_KEEP_DAYS", "0"),
    ("DCIM_TRUSTED_PROXIES", "-1"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_is_named_with_the_way_out(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings(data)
    text = str(refused.value)
    assert name.removesuffix("DATABASE_URL") in text
    assert "To fix it" in text
    # The secret itself is not shown.
    if name in {"DCIM_SECRET_KEY", "DCIM_ENCRYPTION_KEYS"}:
        assert value not in text


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("", None),
        ("0.0.0.0:162", ("0.0.0.0", 162)),  # noqa: S104  compared, not bound
        ("[::]:1162", ("::", 1162)),
        ("[2001:db8:0::1]:162", ("2001:db8::1", 162)),
    ],
)
def test_where_traps_are_received(
    data: Path, monkeypatch: pytest.MonkeyPatch, value: str, meant: tuple[str, int] | None
) -> None:
    monkeypatch.setenv("DCIM_TRAP_LISTEN", value)
    assert load_settings(data).trap_listen == meant


def test_syslog_is_received_only_where_it_is_said(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(data).syslog_in_listen is None
    monkeypatch.setenv("DCIM_SYSLOG_IN_LISTEN", "[::]:514")
    monkeypatch.setenv("DCIM_SYSLOG_IN_TOTAL_RATE", "77")
    settings = load_settings(data)
    assert settings.syslog_in_listen == ("::", 514)
    assert (settings.syslog_in_total_rate, settings.trap_total_rate) == (77, 500)


def test_the_environment_wins_over_the_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(data).port == 8080
    monkeypatch.setenv("DCIM_PORT", "9090")
    settings = load_settings(data)
    assert settings.port == 9090
    assert settings.base_url == "http://127.0.0.1:9090"


def test_a_file_that_others_can_read_is_refused(data: Path) -> None:
    (data / "settings.env").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_settings(data)


def test_secrets_do_not_show_when_printed(data: Path) -> None:
    settings = load_settings(data)
    assert settings.secret_key not in repr(settings)
    assert repr(settings.encryption.keys) not in repr(settings)


def test_who_writes_mails(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(data).sender is None
    monkeypatch.setenv("DCIM_SMTP_HOST", "mail.example.com")
    monkeypatch.setenv("DCIM_MAIL_FROM", "noc@example.com")
    monkeypatch.setenv("DCIM_BASE_URL", "https://portal.example.com/")
    sender = load_settings(data).sender
    assert sender is not None
    assert sender.base_url == "https://portal.example.com"
    # Every process writes by it: the instance's own sessions carry it.
    instance = Instance(load_settings(data), "postgresql+psycopg://a@b/c", "")
    with instance.make_sessions()() as session:
        assert find_sender(session) == sender


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (None, ROBOT_HOSTS),
        ("", ()),
        ("DING.example.com,10.1.2.0/24", ("ding.example.com", ip_network("10.1.2.0/24"))),
    ],
)
def test_where_robots_may_be_is_the_makers_or_what_is_listed_instead(
    data: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, allowed: tuple[object, ...]
) -> None:
    if given is not None:
        monkeypatch.setenv("DCIM_ROBOT_ALLOWED", given)
    assert load_settings(data).robot_allowed == allowed
