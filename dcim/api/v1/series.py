"""What is measured: series, and their samples as they were polled."""

from typing import Any

from marshmallow import Schema

from dcim.api.fields import Instant, PageQuery, choice, query_id, take_paging
from dcim.api.shapes import answer_of, page_of
from dcim.api.spec import Resource
from dcim.http.database import current_scope, db_session
from dcim.metering.models import FAMILIES
from dcim.sla import samples

series = Resource("series", "Series and samples")


class SeriesQuery(PageQuery):
    family = choice(FAMILIES)
    device_id = query_id("For staff.")
    port_id = query_id()
    power_node_id = query_id()
    room_id = query_id()


class SpanQuery(Schema):
    """[since, until), at most 31 days."""

    since = Instant(required=True)
    until = Instant(required=True)


@series.get("")
@series.arguments(SeriesQuery, location="query")
@series.response(200, page_of(samples.SeriesRow))
def list_series(query: dict[str, Any]) -> Any:
    """List the series; a customer's are those of its ports, racks and rooms."""
    paging = take_paging(query)
    return samples.list_series(db_session(), current_scope(), samples.SeriesFilter(**query), paging)


@series.get("/<int:series_id>/samples")
@series.arguments(SpanQuery, location="query")
@series.response(200, answer_of(samples.SamplesRow))
def list_samples(query: dict[str, Any], series_id: int) -> Any:
    """Read samples; a customer gets those of the time in which the port or rack was its own."""
    since, until = (round(query[name].timestamp() * 1000) for name in ("since", "until"))
    return samples.read_samples(db_session(), current_scope(), series_id, since, until)
