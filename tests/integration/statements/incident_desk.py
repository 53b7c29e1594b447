"""The office with one measured outage of its port in October, and people who may rule about it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.accounts.people import create_person, ensure_roles
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.db import ScopedSession
from dcim.network.models import Port
from dcim.sla.models import Incident, IncidentImpact
from dcim.sla.overrules import NewOverrule, decide_overrule, propose_overrule
from dcim.sla.rules.evaluation import MetricResult
from dcim.sla.ruling_models import IncidentOverrule
from dcim.statements.composition import evaluate_inputs
from tests.integration.statements.test_past_periods import OCTOBER, STANDARD, Office
from tests.integration.statements.town import SYSTEM

# 5 October, noon in Shanghai: 50 minutes down.
NOON = dt.datetime(2026, 10, 5, 4, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
NAME = "port/sw-1/ge3"


class IncidentDesk(Office):
    """`ann` and `bob` are staff, `own` is the customer that was hit, `other` one that wasn't."""

    def __init__(self, session: ScopedSession, settings: Settings) -> None:
        super().__init__(session, settings)
        self.own = Scope.customer("c3@example.com", self.contract.customer_id)
        self.other = Scope.customer("c2@example.com", self.contract.customer_id - 1)
        (self.item,) = self.contract.items
        ensure_roles(session)
        self.ann, self.bob = (self.person(name) for name in ("ann", "bob"))
        self.incident = self.measured(NOON, NOON + 50 * MINUTE)
        self.port_id = session.scalars(select(Port.id).where(Port.name == "ge3")).one()

    def person(self, name: str) -> Scope:
        email = f"{name}@example.com"
        create_person(
            self.session, SYSTEM, email=email, name=name, role="administrator",
            hash_password=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
        )  # fmt: skip
        return Scope.staff(email)

    def measured(self, start: dt.datetime, end: dt.datetime | None, **given: Any) -> Incident:
        row = Incident(
            **{"key": f"network:sw-1 ge3:{start}", "kind": "network"} | given,
            started_at=start, ended_at=end, what="端口中断", what_en="Port down",
            cause="ifOperStatus 为 down", cause_en="ifOperStatus was down",
            evidence=[{"resource": NAME}],
        )  # fmt: skip
        row.impacts.append(
            IncidentImpact(
                customer_id=self.contract.customer_id, contract_item_id=self.item.id,
                severity="down",
            )
        )  # fmt: skip
        self.session.add(row)
        self.session.flush()
        return row

    def propose(self, ruling: str, **given: Any) -> IncidentOverrule:
        wanted: dict[str, Any] = {
            "incident_id": self.incident.id,
            "ruling": ruling,
            "reason": "核对工单",
        }
        wanted |= given
        return propose_overrule(self.session, self.ann, NewOverrule(**wanted))

    def overrule(self, ruling: str, **given: Any) -> IncidentOverrule:
        proposed = self.propose(ruling, **given)
        return decide_overrule(self.session, self.bob, proposed.id, "accepted", "核实无误")

    def inputs(
        self, outages: Sequence[tuple[int, int]] = OCTOBER, terms: str = STANDARD
    ) -> dict[str, Any]:
        return self.gather("2026-10", terms, outages)

    def judge(self, terms: str = STANDARD, **given: Any) -> MetricResult:  # type: ignore[override]
        (result,) = evaluate_inputs(self.inputs(terms=terms, **given)).results
        return result

    def downtime(self, **given: Any) -> int:
        """Minutes."""
        return self.judge(**given).outcome.downtime_ms // 60_000

    def deeds(self, incident: Incident) -> list[str]:
        return list(
            self.session.scalars(
                select(AuditEntry.action)
                .where(AuditEntry.subject == f"incident/{incident.id}")
                .order_by(AuditEntry.id)
            )
        )
