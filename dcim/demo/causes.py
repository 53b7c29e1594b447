"""What people found out about the demo's incidents: the script's causes, beside what was derived.

Measuring shows that a feed was dead, never why; in a real instance a person writes it down.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.demo.events import to_ms
from dcim.demo.plan_parts import DemoPlan, EventPlan
from dcim.sla.models import Incident

# Derived states begin and end with polls, so an incident lies a little beside its event.
SLACK_MS = 150_000


def explain_incidents(session: Session, plan: DemoPlan) -> int:
    """Set the cause of every incident that an event of the script explains. Returns how many."""
    explained = 0
    for incident in session.scalars(select(Incident)):
        started = to_ms(incident.started_at)
        # "kind:subject:start"; a subject may hold colons itself.
        subject = incident.key.partition(":")[2].rpartition(":")[0]
        reasons = [
            event
            for event in plan.events
            if event.start_ms <= started < event.end_ms + SLACK_MS
            and _explains(plan, event, incident, subject)
        ]
        if reasons:
            # Of several the last one was what it took.
            last = max(reasons, key=lambda event: event.start_ms)
            incident.cause, incident.cause_en = last.cause, last.cause_en
            explained += 1
    session.flush()
    return explained


def _explains(plan: DemoPlan, event: EventPlan, incident: Incident, subject: str) -> bool:
    match event.kind, incident.kind:
        case "node_dead", "power" | "power_feed":
            codes = {code for node in subject.split(" + ") for code in _path(plan, node)}
            return bool(codes & set(event.targets))
        case "port_down", "network":
            return subject.replace(" ", ":", 1) in event.targets
        case "blind", "telemetry":
            return subject in event.targets
        case "hot", "temperature":
            device = subject.partition("/")[0]
            return any(
                sensor.device == device and sensor.room in event.targets for sensor in plan.sensors
            )
    return False


def _path(plan: DemoPlan, code: str) -> list[str]:
    """A node and everything above it."""
    found: list[str] = []
    at: str | None = code
    while at is not None and at in plan.nodes_by_code:
        found.append(at)
        at = plan.nodes_by_code[at].parent
    return found
