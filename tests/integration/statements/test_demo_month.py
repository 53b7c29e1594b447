"""The demo's month through the real pipeline: samples, states, incidents, statements, exactly."""

import base64
import datetime as dt
import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.config import EncryptionKeys, Settings
from dcim.customers.models import Contract, Customer
from dcim.db import SessionFactory, make_engine, make_sessions, transaction
from dcim.demo.backfill import backfill
from dcim.demo.instance import create_demo
from dcim.demo.load import load_demo
from dcim.postgres import EmbeddedServer
from dcim.statements.files import produce_file, read_file, unpack_inputs
from dcim.statements.issuing import freeze_statement
from dcim.statements.models import Statement
from dcim.statements.monthly_run import find_incidents
from dcim.statements.raw_samples import SampleReader
from dcim.statements.rebinning import rebin
from dcim.statements.sample_files import check_samples
from dcim.statements.tallies import tally_results
from dcim.statements.verifying import verify_file
from tests.integration.conftest import TEMPLATE
from tests.servers import fresh_database

pytestmark = pytest.mark.slow

SYSTEM = Scope.system("test")
PERIOD = "2026-10"
ZONE = dt.timezone(dt.timedelta(hours=8))
# Just after the month: nothing of the running month has to be written.
NOW = dt.datetime(2026, 11, 1, 0, 20, tzinfo=ZONE)
# A poll a minute, a second of jitter, and a PDU's network card that boots.
POLL_S = 62
Json = dict[str, Any]


@dataclass(frozen=True)
class Month:
    sessions: SessionFactory
    settings: Settings
    documents: dict[str, Json]
    lantern_pdf: bytes


@pytest.fixture(scope="module")
def month(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    data = tmp_path_factory.mktemp("demo-month")
    for folder in ("keys", "statements", "spool", "log"):
        (data / folder).mkdir(mode=0o700)
    name = f"demo_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with fresh_database(server, name, template=TEMPLATE) as database:
        settings = Settings(
            data=data,
            secret_key="q7Vt1mZxJ4kBw8Rc0LsYpHd3NfUe9GaT",
            encryption=EncryptionKeys(
                "k1", {"k1": base64.b64decode("3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=")}
            ),
            database_url=database.app_url,
            owner_database_url=database.owner_url,
            snmp_allowed=(ipaddress.ip_network("127.0.0.0/8"),),
        )
        engine = make_engine(database.app_url)
        sessions = make_sessions(engine)
        now_ms = round(NOW.timestamp() * 1000)
        with time_machine.travel(NOW, tick=True):
            demo = create_demo(data, now_ms, base_port=25_000)
            with transaction(sessions, SYSTEM) as session:
                load_demo(session, settings, demo)
            backfill(sessions, demo, now_ms=now_ms)
            meters = find_incidents(sessions, SYSTEM, settings, PERIOD)
            ids = contract_ids(sessions)
            documents = {}
            for code in ("C1002", "C1006", "C1007", "C1012", "C1008"):
                with transaction(sessions, SYSTEM) as session:
                    frozen, new = freeze_statement(
                        session, SYSTEM, settings, ids[code], PERIOD, meters
                    )
                    assert new
                    documents[code] = frozen.document
            with transaction(sessions, SYSTEM) as session:
                frozen, new = freeze_statement(
                    session, SYSTEM, settings, ids["C1005"], PERIOD, meters
                )
                produce_file(session, SYSTEM, settings, frozen)
                pdf = read_file(session, SYSTEM, settings, frozen.id)
                again, new = freeze_statement(
                    session, SYSTEM, settings, ids["C1005"], PERIOD, meters
                )
                assert not new
                documents["C1005"] = again.document
        yield Month(sessions, settings, documents, pdf)
        engine.dispose()


def contract_ids(sessions: SessionFactory) -> dict[str, int]:
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(
            select(Customer.code, Contract.id).join(Contract, Contract.customer_id == Customer.id)
        )
        return {str(code): int(contract_id) for code, contract_id in rows}


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZONE)


def seconds_beside(instant: str, scripted: str) -> float:
    """How long after the scripted moment it was seen."""
    return (dt.datetime.fromisoformat(instant) - local(scripted)).total_seconds()


def metric(document: Json, kind: str, item: str = "") -> Json:
    found: list[Json] = [
        m for m in document["metrics"] if m["metric"] == kind and m["item"].endswith(item)
    ]
    assert len(found) == 1, [m["id"] for m in document["metrics"]]
    return found[0]


def incidents(document: Json, what: str) -> list[Json]:
    return [i for i in document["incidents"] if what in i["what"]["en"]]


@pytest.mark.parametrize(
    ("code", "row", "credit"),
    [
        # Premium: 5 % at once and 5 % for each started half hour of 37 minutes, of 6,800.00.
        ("C1005", None, "1020.00"),
        # Standard: the row of 5 to 45 minutes.
        ("C1006", "downtime more than 5 min, up to 45 min: 5 %", "340.00"),
    ],
)
def test_the_double_loss_is_priced(month: Month, code: str, row: str | None, credit: str) -> None:
    document = month.documents[code]
    power = metric(document, "power")
    assert power["result"] == "breached"
    assert (power["unknown_s"], power["excluded_s"], power["events"]) == (0, 0, 1)
    (down,) = [line for line in power["trace"] if line["class"] == "down"]
    assert 0 <= seconds_beside(down["start"], "10-12T14:21:07") < POLL_S
    assert 0 <= seconds_beside(down["end"], "10-12T14:58:15") < POLL_S
    assert power["downtime_s"] == down["seconds"]
    assert abs(power["downtime_s"] - (37 * 60 + 8)) < POLL_S
    assert power["credit"]["amount"] == credit
    assert (power["credit"]["row"] or {}).get("en") == row

    (both,) = incidents(document, "All feeds")
    assert (both["counted"], both["counted_s"]) == (True, power["downtime_s"])
    assert both["metrics"] == [power["id"]]
    assert f"{Decimal(credit):,} CNY" in both["reason"]["zh"]
    # Each feed's own loss is told, and counts nothing beside the double one.
    singles = [i for i in incidents(document, "Feed ") if i["start"][:10] == "2026-10-12"]
    assert len(singles) == 2
    assert all(i["information"] and not i["counted"] for i in singles)
    assert all(both["id"] in i["reason"]["en"] for i in singles)
    (line,) = [entry for entry in document["ledger"] if entry["kind"] == "credit"]
    assert line["amount"] == f"-{credit}"
    assert document["totals"]["credits"] == f"-{credit}"


def test_one_feed_lost_is_information(month: Month) -> None:
    document = month.documents["C1002"]
    (loss,) = incidents(document, "Feed A lost at RPP-A1")
    assert (loss["counted"], loss["information"], loss["counted_s"]) == (False, True, 0)
    assert 0 <= seconds_beside(loss["start"], "10-04T02:14:09") < POLL_S
    assert 0 <= seconds_beside(loss["end"], "10-04T02:55:31") < POLL_S
    for item in ("-01", "-02", "-03"):
        power = metric(document, "power", item)
        assert (power["result"], power["downtime_s"]) == ("met", 0)
        assert [line["class"] for line in power["trace"]] == ["degraded"]


def test_planned_work_is_listed_and_not_counted(month: Month) -> None:
    document = month.documents["C1002"]
    (window,) = document["maintenance"]
    assert (window["id"], window["valid"]) == ("MW-202610-02", True)
    assert [effect["excluded_s"] for effect in window["effects"]] == [7200, 7200]
    during = [i for i in incidents(document, "Port down") if i["start"][:10] == "2026-10-15"]
    assert len(during) == 2
    assert not any(i["counted"] for i in during)
    panel = month.documents["C1007"]
    (window,) = panel["maintenance"]
    assert (window["id"], window["valid"]) == ("MW-202610-01", True)
    assert panel["verdict"]["result"] == "met"
    assert not any(i["counted"] for i in panel["incidents"])


def test_a_port_down_counts(month: Month) -> None:
    document = month.documents["C1002"]
    port = metric(document, "network", "-04")
    (down,) = [line for line in port["trace"] if line["class"] == "down"]
    assert 0 <= seconds_beside(down["start"], "10-18T21:31:20") < POLL_S
    assert 0 <= seconds_beside(down["end"], "10-18T21:56:35") < POLL_S
    # 25:15 seen at polls; each outage is rounded up to the minute: 25 or 26 minutes.
    assert port["downtime_s"] == -(-down["seconds"] // 60) * 60
    assert port["downtime_s"] in (25 * 60, 26 * 60)
    assert port["credit"]["row"]["zh"] == "可用率不低于 99.9 %且低于 99.99 %：10 %"
    assert port["credit"]["amount"] == "11600.00"
    assert metric(document, "network", "-05")["result"] == "met"


def test_every_item_says_at_which_site_it_is(month: Month) -> None:
    """Ports too: credits are summed up by site."""
    tallied = [one for document in month.documents.values() for one in tally_results(document)]
    assert {one.kind for one in tallied} >= {"power", "network"}
    assert {one.site for one in tallied} == {"TS01"}


def test_what_was_not_seen_is_unknown_and_a_person_decides(month: Month) -> None:
    """Only where polling was blind; a restarted or wrapping counter takes nothing from a port."""
    blind = month.documents["C1012"]
    for found in (metric(blind, "power", "-01"), metric(blind, "network")):
        assert (found["result"], found["downtime_s"]) == ("needs_review", 0)
        assert abs(found["unknown_s"] - 12 * 60) < POLL_S
        assert found["credit"]["amount"] == "0.00"
        assert Decimal(found["credit"]["at_most"]) > 0
        (note,) = found["notes"]
        assert "没有测量数据" in note["zh"]
        assert "10-23 03:1" in note["zh"]
    (usage,) = blind["usage"]
    # The narrow switch's 32-bit counters wrap all the month; bins are lost to the gap alone.
    assert 0 < usage["bins"]["missing"] <= 3
    for code in ("C1002", "C1005", "C1006", "C1007", "C1008"):
        kinds = {
            m["result"] for m in month.documents[code]["metrics"] if m["metric"] != "temperature"
        }
        assert "needs_review" not in kinds, code
        assert all(line["bins"]["missing"] == 0 for line in month.documents[code]["usage"])


def test_a_shared_rack_shows_nobody_elses_load(month: Month) -> None:
    document = month.documents["C1008"]
    assert {feed["id"] for feed in document["power"]} == {"PDU-C-04-A", "PDU-C-04-B"}
    assert not any("C-09" in entry["name"] for entry in document["manifest"]
                   if entry["name"].startswith("power/"))  # fmt: skip


def test_the_statement_says_and_proves_it(month: Month) -> None:
    verdict = verify_file(month.lantern_pdf)
    assert verdict.exit_code == 3, verdict.words("en")  # sound; its signer is not known here
    subjects = {m["id"]: m["subject"]["en"] for m in month.documents["C1005"]["metrics"]}
    assert subjects["power.HT-2025-1005-01"] == "Cabinet B-05"
    assert subjects["network.HT-2025-1005-03"] == "Port acc-b ge1/0/3"


def test_every_bin_follows_from_the_raw_samples(month: Month) -> None:
    """Of traffic and power alike, with polls that cross every edge."""
    with transaction(month.sessions, SYSTEM) as session:
        frozen = session.scalars(select(Statement).order_by(Statement.number)).all()
        assert len(frozen) == len(month.documents)
        kinds = set()
        for statement in frozen:
            inputs = unpack_inputs(statement)
            kinds |= {kind for kind in ("bandwidth", "power") if inputs[kind]}
            opened = check_samples(session, SYSTEM, month.settings, statement.id)
            with opened.path.open("rb") as file:
                found = rebin(inputs, SampleReader(file))
            bins = sum(len(one["bins"]) for kind in ("bandwidth", "power") for one in inputs[kind])
            assert (found.bins, found.wrong) == (bins, ())
            assert bins
    assert kinds == {"bandwidth", "power"}
