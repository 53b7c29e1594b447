"""A few customers with a cabinet and a port each, and a month of samples, to issue statements for.

One port changes hands in the middle of the month: from the first customer to the second.
"""

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

import dcim.demo
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contract, ContractItem, ContractTerms, Customer
from dcim.db import ScopedSession
from dcim.inventory.models import Device, DeviceType
from dcim.metering.batch import Batch
from dcim.metering.families import STATE, TRAFFIC
from dcim.metering.models import Series
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import BandwidthService, Port, ServiceMembership
from dcim.sla.rules.language.loading import load_terms

SYSTEM = Scope.system("test")
PERIOD = "2026-10"
START = 1_790_784_000_000  # 2026-10-01 in Shanghai
STEP_MS = 60_000
# The minute of the month in which the first port goes from customer 1 to customer 2.
HANDOVER = 14 * 1440
BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
TERMS = Path(dcim.demo.__file__).parent / "terms" / "standard.yaml"
ISSUER = Path(__file__).with_name("issuer.py")


def moment(minute: int) -> dt.datetime:
    return dt.datetime.fromtimestamp((START + minute * STEP_MS) / 1000, dt.UTC)


def build_town(
    session: ScopedSession,
    customers: int = 3,
    *,
    down: range = range(0),
    silent: range = range(0),
    everywhere: bool = False,
) -> list[int]:
    """Contract ids, by customer. Minutes of the month in which the third customer's port was down
    (`everywhere`: every port), and in which nothing of the third's was measured."""

    def add(row: Any) -> Any:
        session.add(row)
        session.flush()
        return row

    kind = add(DeviceType(manufacturer="m", model="m", height=2))
    switch = add(Device(name="sw-1", role="switch", device_type_id=kind.id))
    document = TERMS.read_text("utf-8")
    contracts, services, ports = [], [], []
    for number in range(1, customers + 1):
        customer = add(
            Customer(code=f"C{number}", name=f"客户{number}", name_en=f"Customer {number}")
        )
        contract = add(
            Contract(customer_id=customer.id, number=f"HT-{number}", starts_on=BEGAN.date())
        )
        common = {"contract_id": contract.id, "customer_id": customer.id}
        item = add(
            ContractItem(
                **common, code=f"HT-{number}-01", kind="bandwidth", label="带宽",
                label_en="Bandwidth", monthly_fee=Decimal("3000.00"), starts_on=BEGAN.date(),
            )
        )  # fmt: skip
        add(
            ContractTerms(
                **common, version=1, effective_from=BEGAN.date(), document=document,
                sha256=load_terms(document).sha256,
            )
        )  # fmt: skip
        services.append(
            add(
                BandwidthService(
                    customer_id=customer.id, contract_item_id=item.id, code=f"BW-{number}",
                    carrier="BGP", commit_bps=1_000_000, ceiling_bps=10**9,
                )
            )
        )  # fmt: skip
        ports.append(add(Port(device_id=switch.id, name=f"ge{number}", speed_bps=10**9)))
        contracts.append(contract.id)
    # The second has no port of its own: it takes over the first's.
    used = [ports[0], ports[0], *ports[2:]]
    for number, (service, port) in enumerate(zip(services, used, strict=True)):
        add(
            ServiceMembership(
                customer_id=service.customer_id, service_id=service.id, port_id=port.id,
                starts_at=BEGAN if number != 1 else moment(HANDOVER),
                ends_at=moment(HANDOVER) if number == 0 else None,
            )
        )  # fmt: skip
    write_samples(session, switch, ports, down if everywhere else range(0), down, silent)
    return contracts


def write_samples(
    session: ScopedSession,
    switch: Device,
    ports: list[Port],
    all_down: range,
    third_down: range,
    third_silent: range,
) -> None:
    minutes = np.arange(-10, 31 * 1440 + 10, dtype=np.int64)
    ts = START + minutes * STEP_MS
    store = PostgresSampleStore()
    for number, port in enumerate(ports, 1):
        # Before the handover one octet a millisecond, after it twice that: each part is telling.
        rate = np.where(minutes > HANDOVER, 2, 1) * number
        octets = rate * STEP_MS
        series = []
        for family in ("traffic", "state"):
            row = Series(
                family=family, device_id=switch.id, slot=f"{port.name}-{family}", step_s=60,
                port_id=port.id,
            )  # fmt: skip
            session.add(row)
            session.flush()
            series.append(row.id)
        zero = np.zeros_like(ts)
        counted = {"in_octets": octets, "out_octets": octets}
        counted |= {name: zero for name in TRAFFIC.columns if name not in counted}
        now_ms = int(ts[-1]) + STEP_MS
        down = third_down if number == 3 else all_down
        state = np.where(np.isin(minutes, down), 2, 1)
        kept = ~(np.isin(minutes, third_silent) & (number == 3))
        for kind, series_id, values, span in (
            (TRAFFIC, series[0], counted, STEP_MS),
            (STATE, series[1], {"state": state}, 0),
        ):
            batch = Batch.from_arrays(
                kind,
                np.full(kept.sum(), series_id),
                ts[kept],
                {name: column[kept] for name, column in values.items()},
                span_ms=np.full(kept.sum(), span),
            )
            store.load_days(session, batch, now_ms)


def start_issuer(settings: Settings) -> "subprocess.Popen[str]":
    """A process that issues the month; it says "go" when it begins and "done" at the end."""
    keys = settings.encryption
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.statements.issuer"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(
        "\n".join(
            [
                str(settings.data), str(settings.database_url), settings.secret_key,
                keys.active, keys.keys[keys.active].hex(), "",
            ]
        )
    )  # fmt: skip
    process.stdin.flush()
    return process
