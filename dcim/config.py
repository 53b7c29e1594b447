"""Settings: read once from the environment and the instance's own file into a frozen object."""

import base64
import binascii
import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from environs import Env, EnvError

from dcim.errors import SettingsError

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_INSTANCE = Path("var/default")
SETTINGS_FILE = "settings.env"
# 32 characters of base64 are 192 bits; fewer distinct characters are a pattern, not a secret.
MIN_SECRET_LENGTH = 32
MIN_DISTINCT = 12
# A host's name (RFC 1123), at least two labels: what has no dot is a name of this network alone.
# Where the robots of DingTalk, WeCom and Feishu (abroad Lark) live.
ROBOT_HOSTS = (
    "oapi.dingtalk.com", "qyapi.weixin.qq.com", "open.feishu.cn", "open.larksuite.com",
)  # fmt: skip
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+")
# As a mail server takes it without extensions: ASCII, and nothing that ends a header or a command.
MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
# How the connection to the mail server is kept from being read, with its usual port.
SMTP_SECURITY = {"starttls": 587, "tls": 465, "none": 25}
KNOWN_SECRETS = ("changeme", "change-me", "secret", "password", "insecure", "example")


@dataclass(frozen=True, slots=True)
class EncryptionKeys:
    """AES-256 keys by id; `active` seals, every one of them opens."""

    active: str
    keys: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes a mail: `operator` by language, and where its portal is."""

    base_url: str
    operator: Mapping[str, str]
    contact: str


@dataclass(frozen=True, slots=True)
class Settings:
    """One instance. Nothing else in the product reads os.environ for a setting."""

    data: Path
    secret_key: str = field(repr=False)
    encryption: EncryptionKeys
    database_url: str | None = field(repr=False, default=None)
    owner_database_url: str | None = field(repr=False, default=None)
    host: str = "127.0.0.1"
    port: int = 8080
    base_url: str = "http://127.0.0.1:8080"
    trusted_proxies: int = 0
    cookie_secure: bool = False
    session_minutes: int = 480
    max_body_bytes: int = 10 * 1024 * 1024
    snmp_allowed: tuple[Network, ...] = ()
    probe_allowed: tuple[Network, ...] = ()
    poll_interval_s: int = 60
    spool_limit_bytes: int = 2_000_000_000
    trap_listen: tuple[str, int] | None = ("127.0.0.1", 1162)
    trap_allowed: tuple[Network, ...] = ()
    trap_source_rate: int = 20
    trap_source_burst: int = 40
    trap_total_rate: int = 500
    trap_spool_limit_bytes: int = 200_000_000
    trap_keep_days: int = 90
    syslog_in_listen: tuple[str, int] | None = None
    syslog_in_allowed: tuple[Network, ...] = ()
    syslog_in_source_rate: int = 50
    syslog_in_source_burst: int = 200
    syslog_in_total_rate: int = 1_000
    syslog_in_spool_limit_bytes: int = 200_000_000
    syslog_in_keep_days: int = 30
    operator_name: str = "Jifang"
    operator_name_en: str = "Jifang"
    operator_contact: str = ""
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: str = "starttls"
    smtp_user: str = ""
    smtp_password: str = field(repr=False, default="")
    smtp_timeout_s: int = 30
    mail_from: str = ""
    mail_attach_limit_bytes: int = 10_000_000
    webhook_allowed: tuple[Network | str, ...] = ()
    robot_allowed: tuple[Network | str, ...] = ROBOT_HOSTS
    syslog_allowed: tuple[Network | str, ...] = ()
    tsa_url: str = ""
    timezone: str = "Asia/Shanghai"
    log_level: str = "INFO"
    log_json: bool = True

    @property
    def sender(self) -> Sender | None:
        """Who mails are written by; None while mail isn't set up, and then none is written."""
        if not self.smtp_host or not self.mail_from:
            return None
        operator = {"zh": self.operator_name, "en": self.operator_name_en}
        return Sender(self.base_url, operator, self.operator_contact)

    @property
    def keys_folder(self) -> Path:
        return self.data / "keys"

    @property
    def spool_folder(self) -> Path:
        return self.data / "spool"

    @property
    def statements_folder(self) -> Path:
        return self.data / "statements"


def choose_data_folder(data: Path | None = None) -> Path:
    """The instance's folder: the argument, else DCIM_DATA, else var/default in this checkout."""
    if data is not None:
        return data.absolute()
    if named := os.environ.get("DCIM_DATA"):
        return Path(named).absolute()
    return (Path(__file__).parent.parent / DEFAULT_INSTANCE).absolute()


def load_settings(data: Path | None = None) -> Settings:
    """Read the settings of one instance: the environment, then its own `settings.env`.

    Raises SettingsError naming each wrong setting and the way out.
    """
    folder = choose_data_folder(data)
    env = Env(prefix="DCIM_")
    path = folder / SETTINGS_FILE
    if path.exists():
        if path.stat().st_mode & 0o077:
            raise SettingsError(
                str(path), "others may read this file of secrets", f"run: chmod 600 {path}"
            )
        env.read_env(path, recurse=False)
    return _Reader(env).build(folder)


def read_settings_names() -> tuple[str, ...]:
    """The names of all settings, as docs/settings.md lists them."""
    # One field goes by another name outside.
    names = {one.name for one in fields(Settings)} - {"encryption"} | {"encryption_keys"}
    return tuple(sorted(f"DCIM_{name.upper()}" for name in names))


def write_settings_file(data: Path, extra: Mapping[str, str] | None = None) -> Path:
    """Give a new instance its own secrets, once; an existing file is left as it is."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data / SETTINGS_FILE
    if path.exists():
        return path
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    lines = [
        "# Secrets and settings of this instance. Keep a copy apart from its backups:",
        "# without DCIM_ENCRYPTION_KEYS the sealed credentials can't be opened again.",
        f"DCIM_SECRET_KEY={secrets.token_urlsafe(36)}",
        f"DCIM_ENCRYPTION_KEYS=k1:{key}",
        *(f"{name}={value}" for name, value in (extra or {}).items()),
    ]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


class _Reader:
    """Reads every setting before it complains, so that one start names all that is wrong."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.problems: list[SettingsError] = []

    def build(self, data: Path) -> Settings:
        env = self.env
        port = self.take("PORT", lambda name: _between(env.int(name, 8080), 1, 65535), 8080)
        settings = Settings(
            data=data,
            secret_key=self.take("SECRET_KEY", lambda name: _strong(env.str(name)), ""),
            encryption=self.take(
                "ENCRYPTION_KEYS", lambda name: _keys(env.str(name)), EncryptionKeys("", {})
            ),
            database_url=self.take("DATABASE_URL", lambda name: _postgres(env.str(name, "")), None),
            owner_database_url=self.take(
                "OWNER_DATABASE_URL", lambda name: _postgres(env.str(name, "")), None
            ),
            host=env.str("HOST", "127.0.0.1"),
            port=port,
            base_url=env.str("BASE_URL", f"http://127.0.0.1:{port}").rstrip("/"),
            trusted_proxies=self.take(
                "TRUSTED_PROXIES", lambda name: _between(env.int(name, 0), 0, 5), 0
            ),
            cookie_secure=self.take("COOKIE_SECURE", lambda name: env.bool(name, False), False),
            session_minutes=self.take(
                "SESSION_MINUTES", lambda name: _between(env.int(name, 480), 5, 1440), 480
            ),
            max_body_bytes=self.take(
                "MAX_BODY_BYTES",
                lambda name: _between(env.int(name, 10 << 20), 1 << 16, 1 << 30),
                10 << 20,
            ),
            snmp_allowed=self.take("SNMP_ALLOWED", lambda name: _networks(env.list(name, [])), ()),
            probe_allowed=self.take(
                "PROBE_ALLOWED", lambda name: _networks(env.list(name, [])), ()
            ),
            poll_interval_s=self.take(
                "POLL_INTERVAL_S", lambda name: _between(env.int(name, 60), 5, 3600), 60
            ),
            spool_limit_bytes=self.take(
                "SPOOL_LIMIT_BYTES",
                lambda name: _between(env.int(name, 2_000_000_000), 1_000_000, 1 << 50),
                2_000_000_000,
            ),
            **self.read_intake("trap", 162, "127.0.0.1:1162", (20, 40, 500, 90)),
            **self.read_intake("syslog_in", 514, "", (50, 200, 1_000, 30)),
            operator_name=env.str("OPERATOR_NAME", "Jifang"),
            operator_name_en=env.str("OPERATOR_NAME_EN", env.str("OPERATOR_NAME", "Jifang")),
            operator_contact=env.str("OPERATOR_CONTACT", ""),
            **self.read_mail(),
            tsa_url=self.take("TSA_URL", lambda name: _http(env.str(name, "")), ""),
            webhook_allowed=self.take(
                "WEBHOOK_ALLOWED", lambda name: _targets(env.list(name, [])), ()
            ),
            robot_allowed=self.take(
                "ROBOT_ALLOWED",
                lambda name: _targets(env.list(name, list(ROBOT_HOSTS))),
                ROBOT_HOSTS,
            ),
            syslog_allowed=self.take(
                "SYSLOG_ALLOWED", lambda name: _targets(env.list(name, [])), ()
            ),
            timezone=self.take(
                "TIMEZONE", lambda name: _zone(env.str(name, "Asia/Shanghai")), "Asia/Shanghai"
            ),
            log_level=self.take("LOG_LEVEL", lambda name: _level(env.str(name, "INFO")), "INFO"),
            log_json=self.take("LOG_JSON", lambda name: env.bool(name, True), True),
        )
        if (settings.database_url is None) != (settings.owner_database_url is None):
            missing = "OWNER_DATABASE_URL" if settings.database_url else "DATABASE_URL"
            self.problems.append(
                SettingsError(
                    f"DCIM_{missing}",
                    "the app role and the owner role each need a URL",
                    "set both, or neither for the embedded PostgreSQL",
                )
            )
        if self.problems:
            first, *others = self.problems
            first.others = others
            raise first
        return settings

    def read_intake(
        self, prefix: str, port: int, listen: str, usual: tuple[int, int, int, int]
    ) -> dict[str, Any]:
        """What is about traps or syslog; an empty LISTEN has none received. `usual` are rate and
        burst of a source, rate of all, and days that are kept; `port` stands in the way out."""
        env, upper = self.env, prefix.upper()
        nowhere: tuple[Network, ...] = ()

        def number(name: str, default: int, low: int, high: int) -> tuple[str, int]:
            value = self.take(
                f"{upper}_{name}", lambda at: _between(env.int(at, default), low, high), default
            )
            return f"{prefix}_{name.lower()}", value

        source_rate, source_burst, total_rate, keep_days = usual
        return {
            f"{prefix}_listen": self.take(
                f"{upper}_LISTEN", lambda name: _socket(env.str(name, listen), port), None
            ),
            f"{prefix}_allowed": self.take(
                f"{upper}_ALLOWED", lambda name: _networks(env.list(name, [])), nowhere
            ),
            **dict(
                [
                    number("SOURCE_RATE", source_rate, 1, 100_000),
                    number("SOURCE_BURST", source_burst, 1, 100_000),
                    number("TOTAL_RATE", total_rate, 1, 100_000),
                    number("SPOOL_LIMIT_BYTES", 200_000_000, 1_000_000, 1 << 50),
                    number("KEEP_DAYS", keep_days, 1, 3_650),
                ]
            ),
        }

    def read_mail(self) -> dict[str, Any]:
        """What is about mail; nothing is sent while no host is named."""
        env = self.env
        security = self.take("SMTP_SECURITY", lambda name: _security(env.str(name, "starttls")), "")
        usual = SMTP_SECURITY.get(security, 587)
        found = {
            "smtp_host": env.str("SMTP_HOST", "").strip(),
            "smtp_port": self.take(
                "SMTP_PORT", lambda name: _between(env.int(name, usual), 1, 65535), usual
            ),
            "smtp_security": security,
            "smtp_user": env.str("SMTP_USER", ""),
            "smtp_password": env.str("SMTP_PASSWORD", ""),
            "smtp_timeout_s": self.take(
                "SMTP_TIMEOUT_S", lambda name: _between(env.int(name, 30), 1, 120), 30
            ),
            "mail_from": self.take("MAIL_FROM", lambda name: _address(env.str(name, "")), ""),
            "mail_attach_limit_bytes": self.take(
                "MAIL_ATTACH_LIMIT_BYTES",
                lambda name: _between(env.int(name, 10_000_000), 0, 100_000_000),
                10_000_000,
            ),
        }
        if found["smtp_host"] and not env.str("MAIL_FROM", ""):
            self.problems.append(
                SettingsError(
                    "DCIM_MAIL_FROM",
                    "not set, though DCIM_SMTP_HOST is",
                    "set it to the address that statements come from",
                )
            )
        return found

    def take(self, name: str, read: Callable[[str], T], fallback: T) -> T:
        try:
            return read(name)
        except _UnusableError as error:
            self.problems.append(SettingsError(f"DCIM_{name}", *error.args))
        except EnvError as error:
            way_out = "set it to a value of the kind described in docs/settings.md"
            problem = "not set" if "not set" in str(error) else "not a value of its kind"
            self.problems.append(SettingsError(f"DCIM_{name}", problem, way_out))
        return fallback


class _UnusableError(Exception):
    """(problem, way out)"""


def _between(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise _UnusableError(f"{value} is out of range", f"choose from {low} to {high}")
    return value


def _strong(value: str) -> str:
    way_out = "generate one: python3 -c 'import secrets; print(secrets.token_urlsafe(36))'"
    if len(value) < MIN_SECRET_LENGTH:
        raise _UnusableError(f"shorter than {MIN_SECRET_LENGTH} characters", way_out)
    if len(set(value)) < MIN_DISTINCT or any(known in value.lower() for known in KNOWN_SECRETS):
        raise _UnusableError("easy to guess", way_out)
    return value


def _keys(value: str) -> EncryptionKeys:
    """`id:base64[,id:base64…]`; the first one seals."""
    way_out = "write id:KEY with 32 random bytes in base64, the newest first, others after a comma"
    keys: dict[str, bytes] = {}
    for part in value.split(","):
        key_id, mark, text = part.strip().partition(":")
        try:
            key = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise _UnusableError(f"key {key_id!r} is not base64", way_out) from error
        if not mark or not key_id or len(key) != 32:
            raise _UnusableError("each key needs an id and 32 bytes", way_out)
        if len(set(key)) < MIN_DISTINCT:
            raise _UnusableError(f"key {key_id!r} is easy to guess", way_out)
        if key_id in keys:
            raise _UnusableError(f"key id {key_id!r} stands twice", way_out)
        keys[key_id] = key
    return EncryptionKeys(active=next(iter(keys)), keys=keys)


def _postgres(value: str) -> str | None:
    if not value:
        return None
    scheme, mark, rest = value.partition("://")
    if not mark or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise _UnusableError(
            "not a PostgreSQL URL", "write postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    return f"postgresql+psycopg://{rest}"


def _networks(values: list[str]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(value.strip()) for value in values if value.strip())
    except ValueError as error:
        raise _UnusableError(
            str(error), "list management networks like 10.0.0.0/8,2001:db8::/32"
        ) from error


def _socket(value: str, usual: int) -> tuple[str, int] | None:
    """An address and a UDP port; None for nothing."""
    if not value.strip():
        return None
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})", value.strip())
    way_out = f"write it like 0.0.0.0:{usual} or [::]:{usual}, or leave it empty"
    if found is None:
        raise _UnusableError(f"{value!r} is no address with a port", way_out)
    try:
        address = str(ipaddress.ip_address(found[1] or found[2]))
    except ValueError as error:
        raise _UnusableError(str(error), way_out) from error
    return address, _between(int(found[3]), 1, 65_535)


def _targets(values: list[str]) -> tuple[Network | str, ...]:
    """Networks, and names of hosts in lower case."""
    found: list[Network | str] = []
    for value in (one.strip().lower() for one in values if one.strip()):
        if HOST_NAME.fullmatch(value) and not value.replace(".", "").isdigit():
            found.append(value)
        else:
            found += _networks([value])
    return tuple(found)


def _security(value: str) -> str:
    if value not in SMTP_SECURITY:
        raise _UnusableError(
            f"{value!r} is no way to connect", f"choose of {', '.join(SMTP_SECURITY)}"
        )
    return value


def _http(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s]+", value):
        raise _UnusableError("not a URL", "write it like https://tsa.example.com/tsr")
    return value


def _address(value: str) -> str:
    if value and not MAIL_ADDRESS.fullmatch(value):
        raise _UnusableError("not a mail address", "write it like statements@example.com")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise _UnusableError(
            f"no time zone is called {value!r}", "use an IANA name like Asia/Shanghai"
        ) from error
    return value


def _level(value: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if value.upper() not in levels:
        raise _UnusableError(f"no log level is called {value!r}", f"choose of {', '.join(levels)}")
    return value.upper()
