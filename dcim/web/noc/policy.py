"""Who may call which NOC page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs

NETWORK = needs(Right.SEE_NETWORK)

NOC_POLICY: dict[str, Access] = {
    "noc.home": NETWORK,
    "noc.port": NETWORK,
    "noc.port_csv": NETWORK,
    "noc.events": NETWORK,
    "noc.wall": NETWORK,
    "noc.plant": needs(Right.SEE_POWER),
}
