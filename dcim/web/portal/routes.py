"""All pages of the customer portal, registered by being imported."""

from dcim.web.portal import (
    bandwidth,
    cabinets,
    calendar,
    contacts,
    contracts,
    credit_claims,
    home,
    incidents,
    maintenance,
    meters,
    network,
    passes,
    people,
    power,
    statements,
    tickets,
    tokens,
)
from dcim.web.portal.blueprint import portal

__all__ = [
    "bandwidth",
    "cabinets",
    "calendar",
    "contacts",
    "contracts",
    "credit_claims",
    "home",
    "incidents",
    "maintenance",
    "meters",
    "network",
    "passes",
    "people",
    "portal",
    "power",
    "statements",
    "tickets",
    "tokens",
]
