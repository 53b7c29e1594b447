"""Every model, imported once: migrations and tests need the whole metadata."""

import dcim.accounts.models
import dcim.alarms.models
import dcim.alarms.oncall.models
import dcim.capacity.models
import dcim.customers.models
import dcim.handovers.models
import dcim.inventory.devices.models
import dcim.inventory.models
import dcim.inventory.space.claims
import dcim.inventory.walks.models
import dcim.metering.models
import dcim.meters.models
import dcim.network.address_models
import dcim.network.models
import dcim.network.order_models
import dcim.notices.models
import dcim.operations.models
import dcim.outbox.models
import dcim.power.models
import dcim.probing.models
import dcim.records.models
import dcim.sla.burn_models
import dcim.sla.decision_models
import dcim.sla.models
import dcim.sla.port_board_models
import dcim.sla.power_day_models
import dcim.sla.ruling_models
import dcim.sla.traffic_day_models
import dcim.sla.usage_month_models
import dcim.snmp.agents.models
import dcim.snmp.traps.models
import dcim.statements.approval_models
import dcim.statements.claim_models
import dcim.statements.models
import dcim.statements.revision_models
import dcim.statements.risk_models
import dcim.statements.tally_models
import dcim.syslog.models  # noqa: F401
from dcim.db import Base

metadata = Base.metadata
