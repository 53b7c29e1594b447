"""The way to an endpoint: looked up once, judged, connected to as found, over by a deadline."""

import http.client
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dcim.outbox.channels import UndeliveredError
from dcim.outbox.deadline import Deadline, deadline
from dcim.outbox.targets import ENCRYPTED, Network, Target, may_reach

TIMEOUT_S = 10.0
LONGEST_S = 30.0


@contextmanager
def conversation(longest_s: float) -> Iterator[Deadline]:
    """Talking to another server: what goes wrong is said as an UndeliveredError."""
    with deadline(longest_s) as limit:
        try:
            yield limit
        except ssl.SSLError as error:
            raise UndeliveredError("insecure", error.reason or str(error)) from error
        except TimeoutError as error:
            raise UndeliveredError("slow") from error
        except (http.client.HTTPException, OSError) as error:
            fault = "slow" if limit.passed else "unreachable"
            raise UndeliveredError(fault, str(error)) from error
    if limit.passed:
        # Hung up on by us: what was read so far is no whole answer.
        raise UndeliveredError("slow")


def resolve(
    target: Target,
    allowed: Iterable[Network | str],
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> tuple[socket.AddressFamily, str]:
    """The address to talk to: looked up once, judged, and used. Another look-up might answer
    something else."""
    listed = tuple(allowed)
    for family, *_rest, place in socket.getaddrinfo(target.host, target.port, type=kind):
        address = str(place[0])
        if may_reach(target, address, listed):
            return family, address
    raise UndeliveredError("target", target.host, final=True)


def connect(target: Target, address: str, timeout_s: float, limit: Deadline) -> socket.socket:
    """A stream, encrypted where the target's scheme says so; watched by `limit` from now on."""
    raw = socket.create_connection((address, target.port), timeout_s)
    try:
        limit.watch(raw)
        if target.scheme in ENCRYPTED:
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=target.host)
            limit.watch(raw)
    except BaseException:
        raw.close()
        raise
    return raw
