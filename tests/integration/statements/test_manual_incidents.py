"""Incidents by hand: facts like measured ones, corrected until they are issued, else refused."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from dcim.config import Settings
from dcim.customers.models import Contract
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.inventory.models import Allocation, Cabinet, Rack, Room, Row, Site
from dcim.metering.store import PostgresSampleStore
from dcim.network.models import Port
from dcim.power.models import PowerNode
from dcim.sla.incidents import derive_incidents
from dcim.sla.manual_incidents import ManualIncident, record_incident
from dcim.sla.models import BY_ALARM, Incident
from dcim.sla.observations import gather_inputs
from dcim.sla.queries import IncidentFilter, list_incidents
from dcim.sla.rules.periods import to_ms
from dcim.statements import issuing
from dcim.statements.attachments import read_inputs
from dcim.statements.composition import compose, evaluate_inputs
from dcim.statements.issuing import describe_document, describe_operator, freeze_statement
from dcim.statements.recorded_incidents import edit_incident
from tests.integration.statements.incident_desk import MINUTE, NAME, NOON, IncidentDesk
from tests.integration.statements.test_past_periods import STANDARD
from tests.integration.statements.town import HANDOVER, SYSTEM, moment
from tests.integration.web.boards import Counter

DAY = dt.timedelta(days=1)
QUIET: tuple[tuple[int, int], ...] = ()


@pytest.fixture
def desk(session: ScopedSession, settings: Settings) -> IncidentDesk:
    return IncidentDesk(session, settings)


def wish(start: dt.datetime = NOON + DAY, minutes: int | None = 90, **given: Any) -> ManualIncident:
    end = None if minutes is None else start + minutes * MINUTE
    return ManualIncident(
        **{"started_at": start, "ended_at": end, "cause": "施工挖断", "cause_en": "Fibre cut",
           "reason": "客户报障 T-7"} | given
    )  # fmt: skip


def on_port(desk: IncidentDesk, wanted: ManualIncident) -> Incident:
    return record_incident(desk.session, desk.ann, "port", desk.port_id, "network", wanted)


def test_it_counts_like_a_measured_one_and_is_told_as_recorded(desk: IncidentDesk) -> None:
    row = on_port(desk, wish())
    assert desk.downtime(outages=QUIET) == 90
    # What was measured meanwhile counts once.
    again = on_port(desk, wish(NOON - 5 * MINUTE, 30))
    assert desk.downtime() == 90 + 55
    statement = compose(desk.inputs())
    assert compose(read_inputs(statement.attachments)).data == statement.data
    told = {one["id"]: one for one in statement.data["incidents"]}[f"INC-{row.id}"]
    assert told["recorded"]["by"] == "ann@example.com"
    assert told["recorded"]["reason"] == "客户报障 T-7"
    assert told["detector"]["en"] == "recorded by ann@example.com"
    assert (told["counted_s"], told["cause"]["en"]) == (5400, "Fibre cut")
    (port,) = (one for one in desk.inputs()["resources"] if one["kind"] == "port")
    # The states stay what was measured.
    assert sum(end - start for start, end, state in port["states"] if state == "down") == 3_000_000
    assert desk.deeds(again) == ["incident.record"]


def test_what_an_alarm_opened_is_told_and_counts_nothing_by_itself(desk: IncidentDesk) -> None:
    """A hint: its rule opened it, no sample shows it. The control is the one recorded by hand."""
    start = NOON + DAY
    row = desk.measured(start, start + 90 * MINUTE, detector=BY_ALARM, key="network:sw-1 ge3:2")
    assert desk.downtime(outages=QUIET) == 0
    told = {one["id"]: one for one in compose(desk.inputs()).data["incidents"]}[f"INC-{row.id}"]
    assert (told["counted_s"], told["detector"]["en"]) == (0, "an alarm")
    on_port(desk, wish(start))
    assert desk.downtime(outages=QUIET) == 90


def test_one_that_lasts_counts_as_far_as_it_is_known(desk: IncidentDesk) -> None:
    last = dt.datetime(2026, 10, 31, 15, tzinfo=dt.UTC)  # an hour before the month ends
    row = on_port(desk, wish(last, None))
    assert desk.downtime(outages=QUIET) == 60
    edit_incident(desk.session, desk.bob, row.id, wish(last, 20))
    assert desk.downtime(outages=QUIET) == 20
    assert desk.deeds(row) == ["incident.record", "incident.edit"]


def test_deriving_leaves_it_alone(desk: IncidentDesk) -> None:
    row = on_port(desk, wish())
    start = to_ms(NOON)
    derive_incidents(desk.session, PostgresSampleStore(), start, start + 3 * 86_400_000)
    desk.session.refresh(row)
    assert (row.started_at, row.ended_at, row.detector) == (
        NOON + DAY, NOON + DAY + 90 * MINUTE, "ann@example.com",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"minutes": 0}, "ends before it begins"),
        ({"minutes": -5}, "ends before it begins"),
        ({"start": dt.datetime(2099, 1, 1, tzinfo=dt.UTC), "minutes": None}, "in the future"),
        ({"minutes": 99_999_999}, "in the future"),
        ({"reason": "  "}, "how it is known"),
        ({"start": dt.datetime(2026, 8, 1, tzinfo=dt.UTC)}, "before a contract item has sw-1 ge3"),
        ({"start": dt.datetime(2026, 8, 31, tzinfo=dt.UTC), "minutes": 5000}, "before a contract"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    desk: IncidentDesk, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidError, match=said):
        on_port(desk, wish(**given))
    assert list_incidents(desk.session, desk.ann, IncidentFilter(manual=True)).total == 0


def test_it_ends_with_the_contract_item(desk: IncidentDesk) -> None:
    desk.item.ends_on = dt.date(2026, 10, 7)
    desk.session.flush()
    with pytest.raises(InvalidError, match="after 2026-10-06 16:00 UTC"):
        on_port(desk, wish(minutes=1440))
    on_port(desk, wish())


def test_a_subject_has_one_at_a_time(desk: IncidentDesk) -> None:
    first = on_port(desk, wish())
    for start, minutes in ((NOON, None), (NOON + DAY + 89 * MINUTE, 5), (NOON, 1441)):
        with pytest.raises(ConflictError, match=f"ann@example.com recorded INC-{first.id}"):
            on_port(desk, wish(start, minutes))
    # Half-open: the next one may begin where the first ends.
    second = on_port(desk, wish(NOON + DAY + 90 * MINUTE, 5))
    with pytest.raises(ConflictError, match=f"INC-{first.id}"):
        edit_incident(desk.session, desk.ann, second.id, wish(NOON + DAY + 80 * MINUTE, 15))
    assert second.started_at == NOON + DAY + 90 * MINUTE


def test_what_is_not_there_and_what_nobody_has(desk: IncidentDesk) -> None:
    for kind, subject in (("network", "port"), ("power_feed", "power_node"), ("power", "item")):
        with pytest.raises(NotFoundError):
            record_incident(desk.session, desk.ann, subject, 10**9, kind, wish())
    idle = desk.session.scalars(select(Port.id).where(Port.name == "ge2")).one()
    with pytest.raises(InvalidError, match="No contract item has sw-1 ge2"):
        record_incident(desk.session, desk.ann, "port", idle, "network", wish())
    with pytest.raises(InvalidError, match="a port its network"):
        record_incident(desk.session, desk.ann, "port", desk.port_id, "power", wish())
    with pytest.raises(InvalidError, match="Nothing that a service level could observe"):
        record_incident(desk.session, desk.ann, "item", desk.item.id, "power", wish())
    with pytest.raises(ForbiddenError, match="person of staff"):
        record_incident(desk.session, desk.own, "port", desk.port_id, "network", wish())


def test_an_item_is_all_its_ports(desk: IncidentDesk) -> None:
    row = record_incident(desk.session, desk.ann, "item", desk.item.id, "network", wish())
    assert row.evidence == [{"resource": NAME}]
    assert desk.downtime(outages=QUIET) == 90


def test_a_port_that_changed_hands_hits_who_had_it_then(desk: IncidentDesk) -> None:
    """The first customer has the port until the handover, the second from then on."""
    first = desk.session.scalars(select(Port.id).where(Port.name == "ge1")).one()
    around = wish(moment(HANDOVER) - 30 * MINUTE, 60)
    row = record_incident(desk.session, desk.ann, "port", first, "network", around)
    assert len({impact.customer_id for impact in row.impacts}) == 2
    for number in (1, 2):
        contract = desk.session.query(Contract).filter_by(number=f"HT-{number}").one()
        document = describe_document(desk.settings, contract, "2026-10", "SLA")
        inputs = gather_inputs(
            desk.session, SYSTEM, contract, "2026-10", document=document,
            operator=describe_operator(desk.settings),
        )  # fmt: skip
        (result,) = evaluate_inputs(inputs).results
        assert result.outcome.downtime_ms == 30 * 60_000
        (told,) = inputs["incidents"]
        assert list(told["limits"]) == [NAME.replace("ge3", "ge1")]


def test_a_feed_takes_down_what_hangs_on_it(desk: IncidentDesk) -> None:
    """An incident of the panel is one of both its PDUs; two feeds of a rack are no interruption."""
    session = desk.session

    def add(row: Any) -> Any:
        session.add(row)
        session.flush()
        return row

    site = add(Site(code="S", name="S", name_en="S", timezone="Asia/Shanghai"))
    room = add(Room(site_id=site.id, code="R", name="R", name_en="R"))
    line = add(Row(room_id=room.id, code="A", position=1))
    cabinet = add(Cabinet(row_id=line.id, code="A-01", position=1))
    rack = add(Rack(cabinet_id=cabinet.id, code="A-01", u_count=42))
    panel = add(PowerNode(site_id=site.id, code="RPP-A", kind="panel", feed="A", rated_a=400))
    for feed, parent in (("A", panel.id), ("B", None)):
        add(
            PowerNode(
                site_id=site.id, code=f"PDU-{feed}", kind="pdu", feed=feed, rack_id=rack.id,
                parent_id=parent, rated_a=32,
            )
        )  # fmt: skip
    add(
        Allocation(
            rack_id=rack.id, customer_id=desk.item.customer_id, contract_item_id=desk.item.id,
            u_low=0, height=84, starts_on=desk.item.starts_on,
        )
    )  # fmt: skip
    row = record_incident(session, desk.ann, "power_node", panel.id, "power_feed", wish())
    assert row.evidence == [{"resource": "feed/PDU-A"}]
    assert [impact.severity for impact in row.impacts] == ["information"]
    whole = record_incident(session, desk.ann, "item", desk.item.id, "power", wish())
    assert whole.evidence == [{"resource": "feed/PDU-A"}, {"resource": "feed/PDU-B"}]
    assert [impact.severity for impact in whole.impacts] == ["down"]


def test_what_was_measured_is_never_edited(desk: IncidentDesk) -> None:
    with pytest.raises(ConflictError, match="never edited"):
        edit_incident(desk.session, desk.ann, desk.incident.id, wish())
    with pytest.raises(NotFoundError):
        edit_incident(desk.session, desk.ann, 10**9, wish())


def test_what_is_ruled_about_is_no_longer_edited(desk: IncidentDesk) -> None:
    row = on_port(desk, wish())
    desk.propose("did_not_happen", incident_id=row.id)
    with pytest.raises(ConflictError, match="no longer edited"):
        edit_incident(desk.session, desk.ann, row.id, wish(minutes=5))


def test_once_issued_it_is_corrected_by_a_ruling_alone(desk: IncidentDesk) -> None:
    row = on_port(desk, wish())
    november = on_port(desk, wish(dt.datetime(2026, 11, 5, tzinfo=dt.UTC), 5))
    desk.issue("2026-10", STANDARD, QUIET)
    with pytest.raises(ConflictError, match="SLA-2026-10-HT-3-1, which it touches, is issued"):
        edit_incident(desk.session, desk.ann, row.id, wish(minutes=5))
    # Nor may one be moved into an issued month, and then nothing of it is written.
    with pytest.raises(ConflictError, match="is issued"):
        edit_incident(desk.session, desk.ann, november.id, wish(NOON + 3 * DAY, 5))
    desk.session.refresh(november)
    assert november.started_at == dt.datetime(2026, 11, 5, tzinfo=dt.UTC)
    edit_incident(
        desk.session, desk.ann, november.id, wish(dt.datetime(2026, 11, 6, tzinfo=dt.UTC), 5)
    )
    desk.overrule("did_not_happen", incident_id=row.id)


@pytest.mark.parametrize(
    ("contract", "before", "after"),
    [(1, moment(HANDOVER) - DAY, NOON), (2, NOON, moment(HANDOVER) + DAY)],
    ids=["hit before", "hit only now"],
)
def test_no_statement_holds_times_that_were_edited_while_it_was_frozen(
    sessions: SessionFactory,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    contract: int,
    before: dt.datetime,
    after: dt.datetime,
) -> None:
    """The port that changes hands: the edit comes when the month is gathered and not yet kept."""
    with transaction(sessions, SYSTEM) as session:
        desk = IncidentDesk(session, settings)
        port = session.scalars(select(Port.id).where(Port.name == "ge1")).one()
        row = record_incident(session, desk.ann, "port", port, "network", wish(before, 5))
        incident_id, ann = row.id, desk.ann
        hit = session.query(Contract).filter_by(number=f"HT-{contract}").one().id
    gathered, edited = threading.Event(), threading.Event()

    def gather_and_wait(*args: Any, **options: Any) -> dict[str, Any]:
        found = gather_inputs(*args, **options)
        gathered.set()
        edited.wait(2)  # in vain: the edit waits for its turn, as it should
        return found

    def freeze() -> None:
        with transaction(sessions, SYSTEM) as session:
            freeze_statement(session, SYSTEM, settings, hit, "2026-10")

    def edit() -> None:
        assert gathered.wait(60)
        with transaction(sessions, ann) as session:
            edit_incident(session, ann, incident_id, wish(after, 5))
        edited.set()

    monkeypatch.setattr(issuing, "gather_inputs", gather_and_wait)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(freeze), pool.submit(edit)]
        runs[0].result()
        with pytest.raises(ConflictError, match="which it touches, is issued"):
            runs[1].result()


def test_lists_cost_the_same_whatever_their_length(
    sessions: SessionFactory, settings: Settings
) -> None:
    with transaction(sessions, SYSTEM) as session:
        desk = IncidentDesk(session, settings)
        engine = session.get_bind()
        assert isinstance(engine, Engine)
        with Counter(engine) as few:
            list_incidents(session, desk.ann)
        for day in range(2, 12):
            on_port(desk, wish(NOON + day * DAY, 5))
        with Counter(engine) as many:
            assert list_incidents(session, desk.ann).total == 11
        assert (few.count, many.count) == (3, 3)
        assert session.scalar(select(func.count()).select_from(Incident)) == 11
