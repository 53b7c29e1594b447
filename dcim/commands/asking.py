"""How commands ask an agent: whom, with which credential, and what a failure can mean."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcim.errors import InvalidError, JifangError
from dcim.snmp.wire.faults import Refused, SecurityError, SnmpError, Timeout

if TYPE_CHECKING:
    from dcim.snmp.wire.target import Target

AUTH = ("none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV = ("none", "DES", "AES-128", "AES-192", "AES-256", "AES-192-BLUMENTHAL", "AES-256-BLUMENTHAL")

_OPTIONS = (
    click.option(
        "--community-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="SNMP v1 and v2c: a file with the community. Else DCIM_SNMP_COMMUNITY.",
    ),
    click.option("--v1", is_flag=True, help="Speak SNMP v1 instead of v2c."),
    click.option("--user", help="SNMP v3: the user name."),
    click.option("--auth", type=click.Choice(AUTH), default="none", show_default=True),
    click.option("--priv", type=click.Choice(PRIV), default="none", show_default=True),
    click.option("--context", default=""),
    click.option(
        "--timeout", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, help="Seconds."
    ),
    click.option("--retries", type=click.IntRange(0, 10), default=1, show_default=True),
)


class UnreachableError(JifangError):
    """The device didn't answer as asked; the message says what that can mean."""


def asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `make_target` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def secret(value: str | None, file: Path | None, variable: str, what: str) -> str:
    """A secret from a file or the environment; on the command line others can read it."""
    if value is not None:
        return value
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    if found := os.environ.get(variable):
        return found
    return str(click.prompt(what, hide_input=True, err=True))


def read_address(text: str) -> tuple[str, int]:
    from dcim.snmp.wire.target import split_address

    try:
        return split_address(text)
    except ValueError as error:
        raise InvalidError("%(text)s is no ADDRESS[:PORT].", text=text) from error


def make_target(
    place: tuple[str, int],
    *,
    community: str | None = None,
    community_file: Path | None,
    v1: bool,
    user: str | None,
    auth: str,
    priv: str,
    context: str,
    timeout: float,
    retries: int,
) -> "Target":
    """Whom to ask, as the options say; secrets that none of them gives are asked for.

    Raises InvalidError for a mix that can't work.
    """
    from dcim.snmp.wire.target import Target, UsmCredentials

    host, port = place
    try:
        if user:
            credentials = UsmCredentials(
                user,
                auth,  # type: ignore[arg-type]
                secret(None, None, "DCIM_SNMP_AUTH", "Auth") if auth != "none" else "",
                priv,  # type: ignore[arg-type]
                secret(None, None, "DCIM_SNMP_PRIV", "Priv") if priv != "none" else "",
                context,
            )
            return Target(
                host, port, "3", credentials=credentials, timeout_s=timeout, retries=retries
            )
        plain = secret(community, community_file, "DCIM_SNMP_COMMUNITY", "Community")
        return Target(
            host, port, "1" if v1 else "2c", plain.encode(), timeout_s=timeout, retries=retries
        )
    except ValueError as error:
        raise InvalidError("%(problem)s.", problem=error) from error


def explain(error: SnmpError, target: "Target") -> UnreachableError:
    """A failure in words that say what to look at."""
    at = f"{target.address}:{target.port}"
    if isinstance(error, Refused):
        return UnreachableError(
            "Nothing listens at %(at)s: the port is closed, or no way leads there (%(why)s).",
            at=at,
            why=error,
        )
    if isinstance(error, Timeout):
        hint = (
            "the address is wrong, the agent is down, or a filter drops the packets."
            if target.version == "3"
            else "the address or the community is wrong, the agent is down, or a filter drops"
            " the packets. SNMP v1 and v2c agents stay silent on a wrong community, so these"
            " can't be told apart."
        )
        return UnreachableError("No answer from %(at)s: " + hint, at=at)
    if isinstance(error, SecurityError):
        return UnreachableError(
            "The agent answered and refused the SNMPv3 credentials: %(why)s.",
            why=(type(error).__doc__ or str(error)).splitlines()[0].rstrip("."),
        )
    return UnreachableError("The agent's answer can't be used: %(why)s.", why=error)
