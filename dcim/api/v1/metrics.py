"""The current readings in the text format of Prometheus, for graphs elsewhere."""

from collections.abc import Iterator
from typing import Any

from flask import Response, current_app
from marshmallow import Schema
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dcim.accounts.roles import Right
from dcim.api.fields import choice
from dcim.api.spec import Resource
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.http.database import current_scope, db_session
from dcim.http.policy import has_right
from dcim.sla.evidence import HOLDS_MS
from dcim.sla.readings_now import Family, read_families
from dcim.syslog.intake_figures import IntakeFigures, read_figures

metrics = Resource("metrics", "Current readings for Prometheus")

PARTS = {
    "ports": (Right.SEE_NETWORK, Right.OWN_THINGS),
    "power": (Right.SEE_POWER, Right.OWN_THINGS),
    "environment": (Right.SEE_POWER,),
    "intake": (Right.SEE_NETWORK,),
}


class MetricsQuery(Schema):
    part = choice(tuple(PARTS))


class _Readings(Collector):
    """The library writes it, and escapes what the network said."""

    def __init__(self, families: list[Family]) -> None:
        self.families = families

    def collect(self) -> Iterator[Metric]:
        for family in self.families:
            metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for words, value in family.samples:
                metric.add_metric(words, value)
            yield metric


@metrics.get("")
@metrics.arguments(MetricsQuery, location="query")
@metrics.response(
    200,
    {"type": "string"},
    content_type="text/plain",
    description="Gauges as docs/monitoring.md lists them; what isn't known now is absent.",
)
def show_metrics(query: dict[str, Any]) -> Response:
    """Show every reading that holds now; one part of it with `part`. A customer's are its own."""
    settings: Settings = current_app.config["JIFANG"]
    asked = [query["part"]] if query.get("part") else list(PARTS)
    parts = [part for part in asked if has_right(*PARTS[part])]
    session, now = db_session(), utc_now()
    families = read_families(
        session,
        current_scope(),
        now,
        hold_ms=max(HOLDS_MS, settings.poll_interval_s * 1500),
        parts=parts,
    )
    if "intake" in parts:
        families += _tell_intake(read_figures(session, settings, now))
    return Response(generate_latest(_Readings(families)), content_type=CONTENT_TYPE_LATEST)


def _tell_intake(figures: list[IntakeFigures]) -> list[Family]:
    """Traps and syslog, where they are received."""
    return [
        Family(
            "jifang_intake_received_per_second",
            "Traps or syslog messages kept, averaged over 5 minutes.",
            ("kind",),
            [((one.kind,), one.received_per_s) for one in figures],
        ),
        Family(
            "jifang_intake_last_timestamp_seconds",
            "When the newest one was received.",
            ("kind",),
            [((one.kind,), one.last_at.timestamp()) for one in figures if one.last_at],
        ),
        Family(
            "jifang_intake_dropped",
            "Datagrams not taken since the UTC day began.",
            ("kind", "reason"),
            [
                ((one.kind, reason), float(count))
                for one in figures
                for reason, count in one.dropped.items()
            ],
        ),
        Family(
            "jifang_intake_spool_bytes",
            "What waits on this host's disk for the database.",
            ("kind",),
            [((one.kind,), float(one.spool_octets)) for one in figures],
        ),
    ]
