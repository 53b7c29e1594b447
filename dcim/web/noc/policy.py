"""Who may call which NOC page."""

from dcim.accounts.roles import Right
from dcim.http.policy import Access, needs

NETWORK = needs(Right.SEE_NETWORK)
# The NOC prevents it, whoever answers for a customer must know of it.
RISKS = needs(Right.SEE_NETWORK, Right.SEE_STATEMENTS)

NOC_POLICY: dict[str, Access] = {
    "noc.home": NETWORK,
    "noc.keep_board": NETWORK,
    "noc.port": NETWORK,
    "noc.port_csv": NETWORK,
    "noc.credit_risks": RISKS,
    "noc.contract_risk": RISKS,
    "noc.events": NETWORK,
    "noc.wall": NETWORK,
    "noc.traps": NETWORK,
    "noc.unknown_traps": NETWORK,
    "noc.trap": NETWORK,
    "noc.forget_trap_engine": needs(Right.KEEP_INCIDENTS),
    "noc.plant": needs(Right.SEE_POWER),
}
