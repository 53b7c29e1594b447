"""A rule tried on stored samples says what the live run says."""

from dataclasses import asdict, replace

import pytest
from sqlalchemy import func, select

from dcim.accounts.scope import Scope
from dcim.alarms.governing import Key, rule_of
from dcim.alarms.models import Alarm, AlarmTrial
from dcim.alarms.queries import find_trial
from dcim.alarms.rule_keeping import (
    OverrideTarget,
    RuleNames,
    change_rule,
    create_rule,
    delete_rule,
    set_override,
)
from dcim.alarms.rules.limits import Change, Rule
from dcim.alarms.trying import ask_trial, carry_out_trial, try_rule
from dcim.db import SessionFactory, transaction
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.integration.alarms.conftest import STAFF, Watch

BUSY = [95, 95, 95, 95, 95, 95, 50, 50, 50, 50, 50, 50, 50, 95, 95, 95, 50, 95, 95, 95, 95, 95, 95]


def window(watch: Watch) -> tuple[int, int]:
    return round(watch.at(0.5).timestamp() * 1000), round(watch.at(40).timestamp() * 1000)


def test_a_test_on_history_finds_what_the_live_run_found(watch: Watch) -> None:
    watch.play(*BUSY)
    live = [
        (one.subject_id, one.raised_at.timestamp() * 1000, one.cleared_at)
        for one in watch.alarms("port-busy")
    ]
    found = try_rule(watch.session, STAFF, rule_of(watch.rule("port-busy")), *window(watch))
    assert [(one.subject_id, one.raised_ms) for one in found.firings] == [
        (subject, raised) for subject, raised, _cleared in live
    ]
    assert (found.fired, found.hit, found.open, found.subjects) == (2, 1, 1, 2)
    assert found.silent == 1  # the other port has no sample in the window
    # Raised after five minutes, over after five better ones: six minutes.
    assert found.firings[0].ms == 360_000


def test_discards_on_history_also_of_quiet_hours_kept_as_one(watch: Watch) -> None:
    """Live, from the rows that were polled, and from the block of the closed day."""
    series = watch.house.drop_packets(watch.port_id)
    rule = watch.rule("port-discards")
    assert not rule.enabled
    rule.enabled = True
    begin = round(watch.start.timestamp() * 1000) + 60_000
    # Ten minutes of much, then nothing, a poll that didn't say, and nothing.
    counts = [20_000] * 10 + [0] * 5 + [-1] + [0] * 15
    for minute, count in enumerate(counts):
        ts = begin + minute * 60_000
        watch.house.store.append(watch.session, "discards", [(series.id, ts, 60_000, 0, 0, count)])
        watch.round(minute + 1.1)
    [live] = watch.alarms("port-discards")
    # Raised after five minutes; over after ten better ones, of which one isn't known.
    assert live.raised_at == watch.at(6)
    assert live.cleared_at is not None
    hot = try_rule(watch.session, STAFF, rule_of(rule), *window(watch))
    days = 3 * 86_400_000
    watch.session.commit()
    watch.house.store.maintain(watch.session, round(watch.start.timestamp() * 1000) + days)
    [(_, kept)] = watch.house.store.read(
        watch.session, "discards", [series.id], begin, begin + 86_400_000
    )
    assert len(kept) < len(counts) - 10
    closed = try_rule(watch.session, STAFF, rule_of(rule), *window(watch))
    assert closed.firings == hot.firings
    [firing] = closed.firings
    assert firing.raised_ms == live.raised_at.timestamp() * 1000
    assert firing.cleared_ms == live.cleared_at.timestamp() * 1000


def test_a_test_changes_nothing_and_heeds_exceptions(watch: Watch) -> None:
    watch.play(*BUSY)
    rows = watch.session.scalar(select(func.count()).select_from(Alarm))
    rule = rule_of(watch.rule("port-busy"))
    nervous = replace(rule, raise_for_s=120, clear_for_s=0)
    lower = try_rule(watch.session, STAFF, nervous, *window(watch))
    assert lower.fired == 3
    off: dict[Key, Change] = {("subject", watch.port_id): Change(enabled=False)}
    assert try_rule(watch.session, STAFF, rule, *window(watch), changes=off).fired == 0
    assert watch.session.scalar(select(func.count()).select_from(Alarm)) == rows
    with pytest.raises(InvalidError):
        try_rule(watch.session, STAFF, replace(rule, raise_at=10), *window(watch))
    with pytest.raises(ForbiddenError):
        try_rule(watch.session, Scope.customer("c", 1), rule, *window(watch))


def test_silence_is_found_in_gaps(watch: Watch) -> None:
    for minute in (1, 2, 3, 20, 21):
        watch.sample(minute, share=10, state=1)
    from dcim.snmp.agents.models import SnmpAgent, SnmpCredential

    credential = SnmpCredential(name="c", version="2c")
    watch.session.add(credential)
    watch.session.flush()
    watch.session.add(
        SnmpAgent(device_id=watch.house.switch.id, credential_id=credential.id, address="192.0.2.1")
    )
    watch.session.flush()
    start, _end = window(watch)
    rule = rule_of(watch.rule("agent-silent"))
    found = try_rule(watch.session, STAFF, rule, start, round(watch.at(22).timestamp() * 1000))
    [firing] = found.firings
    assert firing.raised_ms == round(watch.at(6).timestamp() * 1000)
    assert firing.cleared_ms == round(watch.at(20).timestamp() * 1000)


def test_a_worker_carries_a_test_out(watch: Watch, sessions: SessionFactory) -> None:
    watch.play(*BUSY)
    row = watch.rule("port-busy")
    trial = ask_trial(
        watch.session, STAFF, rule_of(row), watch.at(0.5), watch.at(40), rule_id=row.id
    )
    watch.session.commit()
    assert carry_out_trial(sessions, trial.id) == "done"
    watch.session.expire_all()
    done = find_trial(watch.session, STAFF, trial.id)
    assert (done.state, done.done, done.total) == ("done", 2, 2)
    assert done.result is not None
    assert done.result["fired"] == 2
    assert carry_out_trial(sessions, trial.id) == "done"  # again is the same as once
    assert carry_out_trial(sessions, 999) == ""
    with pytest.raises(InvalidError):
        ask_trial(watch.session, STAFF, rule_of(row), watch.at(5), watch.at(5))
    assert watch.session.scalar(select(func.count()).select_from(AlarmTrial)) == 1


def test_rules_are_entered_off_and_kept_with_their_alarms(watch: Watch) -> None:
    session = watch.session
    rule = Rule(
        kind="rate", quantity="temperature", way="above", raise_at=10, clear_at=4, raise_for_s=0,
        clear_for_s=0, severity="major", window_s=900,
    )  # fmt: skip
    made = create_rule(session, STAFF, RuleNames("quick", "升温", "Quick"), rule)
    assert not made.enabled
    with pytest.raises(ConflictError, match="quick"):
        create_rule(session, STAFF, RuleNames("quick", "升温", "Quick"), rule)
    for names in (RuleNames("Bad Code", "a", "b"), RuleNames("ok", " ", "b")):
        with pytest.raises(InvalidError):
            create_rule(session, STAFF, names, rule)
    change_rule(session, STAFF, made.id, asdict(replace(rule, raise_at=12.0)))
    assert made.raise_at == 12
    with pytest.raises(InvalidError):
        change_rule(session, STAFF, made.id, {"clear_at": 13.0})
    delete_rule(session, STAFF, made.id)
    with pytest.raises(NotFoundError):
        delete_rule(session, STAFF, made.id)
    with pytest.raises(ConflictError):
        delete_rule(session, STAFF, watch.rule("port-down").id)


def test_of_two_changes_at_once_the_later_one_is_judged_by_the_earlier(
    watch: Watch, sessions: SessionFactory
) -> None:
    """Each makes sense of the rule as it was, both together none."""
    rule = watch.rule("port-busy")
    watch.session.commit()
    assert rule.clear_at < rule.raise_at  # read before the other's change
    with transaction(sessions, STAFF) as other:
        change_rule(other, STAFF, rule.id, {"raise_at": 40.0, "clear_at": 30.0})
    with pytest.raises(InvalidError):
        change_rule(watch.session, STAFF, rule.id, {"clear_at": 70.0})


def test_an_exception_must_make_sense_of_its_rule(watch: Watch) -> None:
    rule = watch.rule("port-busy")
    session = watch.session
    good = OverrideTarget("class", target_class="uplink")
    set_override(session, STAFF, rule.id, good, Change(raise_at=95))
    set_override(session, STAFF, rule.id, good, Change(raise_at=85))
    assert [one.raise_at for one in rule.overrides] == [85]
    for target in (
        OverrideTarget("class", target_class="ups"),
        OverrideTarget("class", 4, "uplink"),
        OverrideTarget("subject", 999),
        OverrideTarget("subject", watch.port_id, "uplink"),
        OverrideTarget("galaxy", 1),
    ):
        with pytest.raises(InvalidError):
            set_override(session, STAFF, rule.id, target, Change())
    with pytest.raises(InvalidError):
        set_override(session, STAFF, rule.id, good, Change(raise_at=70))
    # A rule can't be changed under an exception that would make no sense of it then.
    with pytest.raises(InvalidError):
        change_rule(session, STAFF, rule.id, {"clear_at": 88.0})
