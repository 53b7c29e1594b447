"""Rows of the port board as they were drawn: most of them are the same for everybody and at the
next refresh."""

from collections.abc import Mapping

from flask import current_app
from markupsafe import Markup

from dcim.i18n import choose_language
from dcim.sla.port_traces import Trace
from dcim.sla.ports import PortNow
from dcim.sla.usage_months import MonthNow

# About 4 kB each.
MOST = 4000

_Drawn = tuple[PortNow, Trace | None, MonthNow | None, Markup]


class DrawnRows:
    """For the template: what was drawn of a port with the same figures in the same language.

    A row uses nothing else that differs between two requests.
    """

    def __init__(self, traces: Mapping[int, Trace], months: Mapping[int, MonthNow]) -> None:
        self._known: dict[tuple[int, str], _Drawn] = current_app.extensions.setdefault(
            "jifang_port_rows", {}
        )
        self._traces, self._months = traces, months
        self._language = choose_language()

    def find(self, port: PortNow) -> Markup | None:
        known = self._known.get((port.id, self._language))
        if known is None or known[0] is not port or known[1] is not self._traces.get(port.id):
            return None
        return known[3] if known[2] == self._month_of(port) else None

    def keep(self, port: PortNow, row: Markup) -> Markup:
        # Other threads may clear what is known at any moment.
        if len(self._known) > MOST:
            self._known.clear()
        self._known[(port.id, self._language)] = (
            port,
            self._traces.get(port.id),
            self._month_of(port),
            row,
        )
        return row

    def _month_of(self, port: PortNow) -> MonthNow | None:
        return self._months.get(port.service_id or 0)
