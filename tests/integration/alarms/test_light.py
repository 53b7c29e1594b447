"""Light as it is polled: weak is an alarm of its lane, live and on history the same."""

from typing import Any

import pytest
from sqlalchemy import select, update

from dcim.alarms.governing import rule_of
from dcim.alarms.models import Alarm
from dcim.alarms.rule_keeping import add_recipient
from dcim.alarms.trying import try_rule
from dcim.metering.families import NO_LIGHT, NO_OPTICS
from dcim.network.models import Port
from dcim.outbox.models import OutboxMessage
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential, Transceiver
from dcim.snmp.polling.optic_recording import OpticsRead, record_optics
from dcim.snmp.reading.optics import Transceiver as Module
from tests.integration.alarms.conftest import STAFF, Watch

LIMITS = {"rx": {"low_alarm": -14400, "low_warning": -12400, "high_warning": 500}}
FINE, WEAK = -5_000, -13_000
# The port is down from the second to the twentieth; light is read in the sixth, the eleventh...
MINUTES = (2, 6, 11, 16, 20, 21, 26, 31, 36, 41, 46)


class Optics:
    """The first port's module, read every five minutes."""

    def __init__(self, watch: Watch) -> None:
        self.watch, session = watch, watch.session
        credential = SnmpCredential(name="c", version="2c")
        session.add(credential)
        session.flush()
        self.agent = SnmpAgent(
            device_id=watch.house.switch.id, credential_id=credential.id, address="127.0.0.1"
        )
        session.add(self.agent)
        session.commit()

    def tell(self, minute: float, *rx: int, tx: int = -2_000, bias: int = 6_500) -> None:
        """Nothing: the device has no module; seen by a round soon after."""
        lanes = tuple({**NO_OPTICS, "rx_mdbm": each, "tx_mdbm": tx, "bias_ua": bias} for each in rx)
        at_ms = round(self.watch.at(minute).timestamp() * 1000)
        found = [Module(f"t{self.watch.port_id}", lanes, LIMITS)] if rx else []
        read = OpticsRead(self.agent.id, self.agent.device_id, at_ms, found)
        record_optics(self.watch.session, [read])
        self.watch.sample(minute, share=10)
        self.watch.round(minute + 0.1)

    def alarms(self) -> list[Alarm]:
        return self.watch.alarms("customer-light")

    def tried(self, minutes: float) -> list[tuple[int, int | None, dict[str, Any] | None]]:
        rule = rule_of(self.watch.rule("customer-light"))
        start, end = (round(self.watch.at(one).timestamp() * 1000) for one in (0.5, minutes))
        found = try_rule(self.watch.session, STAFF, rule, start, end)
        assert found.subjects == 1  # ports without a module are none
        return [(one.raised_ms, one.cleared_ms, one.detail) for one in found.firings]


@pytest.fixture
def optics(watch: Watch) -> Optics:
    return Optics(watch)


def test_a_weak_lane_is_an_alarm_that_says_which(optics: Optics) -> None:
    for minute in (1, 6):
        optics.tell(minute, FINE, FINE)
    for minute in (11, 16, 21, 26):
        optics.tell(minute, FINE, WEAK)
    [alarm] = optics.alarms()
    watch = optics.watch
    # Three readings: ten minutes.
    assert (alarm.began_at, alarm.raised_at) == (watch.at(11), watch.at(21))
    assert alarm.value == pytest.approx(-0.6)
    assert alarm.detail == {
        "lane": 2, "way": "rx", "mdbm": WEAK, "limit_mdbm": -12400, "is_low": True,
    }  # fmt: skip
    # Between the limits it stays, and so it does while a lane isn't told.
    optics.tell(31, FINE, -12_300)
    optics.tell(36, FINE, NO_OPTICS["rx_mdbm"])
    for minute in (41, 46, 51, 56):
        optics.tell(minute, FINE, FINE)
    assert optics.alarms() == [alarm]
    assert alarm.cleared_at == watch.at(56)
    raised, cleared = (round(one.timestamp() * 1000) for one in (alarm.raised_at, alarm.cleared_at))
    assert optics.tried(60) == [(raised, cleared, alarm.detail)]


def test_dark_is_the_floor_of_a_port_that_had_light_and_nobody_shut(optics: Optics) -> None:
    for minute in (1, 6, 11, 16):
        optics.tell(minute, NO_LIGHT)  # never had any: nothing is plugged in
    assert optics.alarms() == []
    optics.tell(21, FINE)
    for minute in (26, 31, 36):
        optics.tell(minute, NO_LIGHT, tx=NO_LIGHT, bias=0)  # shut
    assert optics.alarms() == []
    for minute in (41, 46, 51):
        optics.tell(minute, NO_LIGHT)
    [alarm] = optics.alarms()
    assert (alarm.raised_at, alarm.value) == (optics.watch.at(51), -40)
    assert alarm.detail is not None
    assert alarm.detail["mdbm"] is None
    raised = round(alarm.raised_at.timestamp() * 1000)
    assert optics.tried(55) == [(raised, None, alarm.detail)]
    lit = optics.watch.session.scalars(select(Transceiver.rx_lit_ms)).one()
    assert lit == [round(optics.watch.at(21).timestamp() * 1000)]


def test_it_ends_with_the_module_and_is_of_ports_of_its_class(optics: Optics) -> None:
    for minute in (1, 6, 11, 16):
        optics.tell(minute, WEAK)
    [alarm] = optics.alarms()
    assert alarm.cleared_at is None
    for minute in (21, 26, 31):
        optics.tell(minute)
        assert alarm.cleared_at is None  # one reading that failed is no module pulled
    optics.tell(36)
    assert alarm.ending == "ended"
    # Of an uplink it is another rule's, and graver.
    optics.watch.session.execute(update(Port).values(role="uplink"))
    for minute in (41, 46, 51):
        optics.tell(minute, WEAK)
    assert [one.severity for one in optics.watch.alarms("uplink-light")] == ["major"]
    assert optics.alarms() == [alarm]


def test_readings_missed_while_nobody_evaluated_count(optics: Optics) -> None:
    optics.tell(1, FINE)
    watch = optics.watch
    for minute in (6, 11, 16):
        at_ms = round(watch.at(minute).timestamp() * 1000)
        lanes = ({**NO_OPTICS, "rx_mdbm": WEAK, "tx_mdbm": -2_000},)
        read = OpticsRead(
            optics.agent.id, optics.agent.device_id, at_ms,
            [Module(f"t{watch.port_id}", lanes, LIMITS)],
        )  # fmt: skip
        record_optics(watch.session, [read])
    watch.session.commit()
    watch.round(18)
    [alarm] = optics.alarms()
    assert (alarm.began_at, alarm.raised_at) == (watch.at(6), watch.at(16))


def test_a_line_that_is_cut_is_told_as_one_alarm_and_as_over_once(optics: Optics) -> None:
    """The port's: its light has to be well for a quarter of an hour, which is no news."""
    watch = optics.watch
    add_recipient(watch.session, STAFF, "duty@example.com", "warning", "en")
    optics.tell(1, FINE)
    for minute in MINUTES:
        state = 2 if minute < 20 else 1
        watch.sample(minute, state=state)
        if minute % 5 == 1:
            optics.tell(minute, NO_LIGHT if state == 2 else FINE)
        else:
            watch.round(minute + 0.1)
    [down] = watch.alarms("port-down")
    [dark] = optics.alarms()
    assert (dark.root_id, dark.cleared_at) == (down.id, watch.at(36))
    assert down.cleared_at == watch.at(21)
    told = watch.session.scalars(select(OutboxMessage.event).order_by(OutboxMessage.id)).all()
    assert told == ["alarm.raised", "alarm.cleared"]


def test_light_that_stays_weak_after_the_port_is_up_again_is_told(optics: Optics) -> None:
    """The control of the one above; with its lane, its light and its threshold."""
    watch = optics.watch
    add_recipient(watch.session, STAFF, "duty@example.com", "warning", "zh")
    optics.tell(1, FINE)
    for minute in MINUTES:
        watch.sample(minute, state=2 if minute < 20 else 1)
        if minute % 5 == 1:
            optics.tell(minute, WEAK)
        else:
            watch.round(minute + 0.1)
    [dark] = optics.alarms()
    assert (dark.root_id, dark.cleared_at) == (None, None)
    newest = select(OutboxMessage.text).order_by(OutboxMessage.id.desc()).limit(1)
    text = watch.session.scalars(newest).one()
    assert "客户端口光功率越限  -0.6 dB  通道 1 收光 −13.00 dBm，低门限 −12.40 dBm" in text
