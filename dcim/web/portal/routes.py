"""All pages of the customer portal, registered by being imported."""

from dcim.web.portal import (
    bandwidth,
    cabinets,
    contacts,
    contracts,
    credit_claims,
    home,
    maintenance,
    network,
    passes,
    statements,
)
from dcim.web.portal.blueprint import portal

__all__ = [
    "bandwidth",
    "cabinets",
    "contacts",
    "contracts",
    "credit_claims",
    "home",
    "maintenance",
    "network",
    "passes",
    "portal",
    "statements",
]
