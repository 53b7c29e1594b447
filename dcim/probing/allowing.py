"""Which addresses may be sent echoes: only the networks that the settings name."""

import ipaddress

from dcim.config import Settings
from dcim.errors import ForbiddenError, InvalidError


def check_address(settings: Settings, address: str) -> str:
    """The address in its canonical form, if echoes may be sent to it.

    Raises InvalidError for no address, ForbiddenError for one outside both DCIM_PROBE_ALLOWED and
    DCIM_SNMP_ALLOWED: a data centre's prober must not become anybody's tool against others.
    """
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError as error:
        raise InvalidError(
            "%(address)s is no IP address; names are not probed.", address=address
        ) from error
    allowed = (*settings.probe_allowed, *settings.snmp_allowed)
    if not any(parsed in network for network in allowed if network.version == parsed.version):
        raise ForbiddenError(
            "%(address)s is outside DCIM_PROBE_ALLOWED and DCIM_SNMP_ALLOWED.", address=str(parsed)
        )
    return str(parsed)
