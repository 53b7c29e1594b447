"""A site, a customer's contract item, and targets that measure for them."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest

from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Site
from dcim.probing.models import ProbeTarget

SYSTEM = Scope.system("test")
AddTarget = Callable[..., int]


@pytest.fixture
def allowing(settings: Settings) -> Settings:
    return replace(settings, probe_allowed=(ip_network("127.0.0.0/8"), ip_network("::1/128")))


@pytest.fixture
def add_target(sessions: SessionFactory) -> AddTarget:
    with transaction(sessions, SYSTEM) as session:
        site = Site(code="SH1", name="SH1", name_en="SH1")
        session.add(site)
        session.flush()
        site_id = site.id

    def add(address: str, **given: object) -> int:
        with transaction(sessions, SYSTEM) as session:
            count = session.query(ProbeTarget).count()
            target = ProbeTarget(
                **{"code": f"t{count}", "address": address, "site_id": site_id, **given}
            )
            session.add(target)
            session.flush()
            return target.id

    return add
