"""All pages of the staff face, registered by being imported."""

from dcim.web.staff import (
    agents,
    audit,
    cabinets,
    customers,
    device_life,
    devices,
    imports,
    outage,
    overview,
    passes,
    placing,
    power,
    power_budgets,
    power_nodes,
    search,
    statements,
    type_files,
)
from dcim.web.staff.blueprint import staff

__all__ = [
    "agents",
    "audit",
    "cabinets",
    "customers",
    "device_life",
    "devices",
    "imports",
    "outage",
    "overview",
    "passes",
    "placing",
    "power",
    "power_budgets",
    "power_nodes",
    "search",
    "staff",
    "statements",
    "type_files",
]
