"""Telling the next one when nobody takes an alarm on: each step once, and only while it is nobody's
(`counting` says of what). A step that reaches nobody hands on to the next at once."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dcim.alarms.escalation import MINUTE_MS
from dcim.alarms.models import Alarm, AlarmEvent, AlarmRecipient
from dcim.alarms.oncall.counting import Counted, list_counted
from dcim.alarms.oncall.escalation_mail import EscalationFacts, Missed, write_subject, write_text
from dcim.alarms.oncall.models import EscalationDeed
from dcim.alarms.oncall.reaching import Target, Targets
from dcim.alarms.telling import MOST_IN_PAYLOAD, tell_facts, wants
from dcim.config import Settings
from dcim.outbox.queueing import NewMessage, queue_messages
from dcim.outbox.telling import address_message
from dcim.sla.rules.periods import to_ms

log = structlog.get_logger()

EVENT = "alarm.escalated"


def escalate(session: Session, settings: Settings, now: dt.datetime) -> list[int]:
    """Do what is due, in the caller's transaction; ids of the new messages."""
    work = [(one, due) for one in list_counted(session, now) if (due := one.due(now))]
    if not work:
        return []
    round_ = _Round(session, settings, now)
    for counted, due in work:
        round_.do(counted, due)
    return round_.queue()


@dataclass(slots=True)
class _Letter:
    """All that one round tells somebody; `deed_id` of the first names it."""

    deed_id: int
    target: Target
    told: list[tuple[Alarm, EscalationFacts]] = field(default_factory=list)


class _Round:
    """What one round does: deeds first, and one letter to each whom they tell."""

    def __init__(self, session: Session, settings: Settings, now: dt.datetime) -> None:
        self.session, self.settings, self.now = session, settings, now
        self.targets = Targets(session, settings)
        self.zone = ZoneInfo(settings.timezone)
        self.letters: dict[tuple[str, int | str], _Letter] = {}
        # The line of an alarm's history that each new deed is.
        self.events: dict[int, AlarmEvent] = {}

    def do(self, counted: Counted, due: Sequence[tuple[int, dt.datetime]]) -> None:
        """Each step that is due; where one reaches nobody the next at once, whenever it were due,
        told who was on call at the instant of the one that failed."""
        done = set(counted.done)
        missed: list[Missed] = []
        last = 0
        for first, at in due:
            for number in range(first, len(counted.policy.steps)):
                if number in done:
                    break
                done.add(number)
                target = self.targets.find(counted.policy.steps[number], at)
                deed_id = self._write_deed(counted, number, at, target)
                if deed_id is None:
                    # Another worker's deed: it goes on from there.
                    return
                last = deed_id
                if target.outcome == "told":
                    self._tell(deed_id, target, counted, number + 1, at, missed)
                    missed = []
                    break
                missed.append(Missed(number + 1, target.outcome, target.calendar or target.who))
                log.warning(
                    "escalation reached nobody",
                    alarm=counted.alarm.id,
                    policy=counted.policy.name,
                    step=number + 1,
                    why=target.outcome,
                )
        if missed:
            self._tell_the_usual(last, counted, missed)

    def _write_deed(
        self, counted: Counted, number: int, at: dt.datetime, target: Target
    ) -> int | None:
        """None when it was done already: whatever runs at once, one alone writes it and tells."""
        alarm, policy = counted.alarm, counted.policy
        values = {
            "alarm_id": alarm.id,
            "policy_id": policy.id,
            "counted_from": counted.since,
            "number": number,
            "at": at,
            "done_at": self.now,
            "outcome": target.outcome,
            "who": target.who,
            "by": target.by,
            "calendar": target.calendar,
            "policy": policy.name,
        }
        keys = ["alarm_id", "policy_id", "counted_from", "number"]
        deed_id: int | None = self.session.scalar(
            insert(EscalationDeed)
            .values(values)
            .on_conflict_do_nothing(index_elements=keys)
            .returning(EscalationDeed.id)
        )
        if deed_id is None:
            return None
        is_told = target.outcome == "told"
        self.events[deed_id] = AlarmEvent(
            alarm_id=alarm.id,
            at=self.now,
            kind="escalated" if is_told else "unreached",
            text=_say_deed(number + 1, target, policy.name),
        )
        return deed_id

    def _tell(
        self,
        deed_id: int,
        target: Target,
        counted: Counted,
        step: int,
        at: dt.datetime,
        missed: Sequence[Missed],
    ) -> None:
        key = ("endpoint", target.endpoint.id) if target.endpoint else ("mail", target.who.lower())
        letter = self.letters.setdefault(key, _Letter(deed_id, target))
        facts = self._facts(counted, step, at, target, missed)
        letter.told.append((counted.alarm, facts))

    def _tell_the_usual(self, deed_id: int, counted: Counted, missed: Sequence[Missed]) -> None:
        """No step is left: whoever is mailed about such alarms anyway hears that nobody heard."""
        if not self.settings.smtp_host:
            return
        for one in self.session.scalars(select(AlarmRecipient).order_by(AlarmRecipient.id)):
            if wants(one, counted.alarm):
                target = Target("told", one.address, language=one.language)
                self._tell(deed_id, target, counted, 0, self.now, missed)

    def _facts(
        self,
        counted: Counted,
        step: int,
        at: dt.datetime,
        target: Target,
        missed: Sequence[Missed],
    ) -> EscalationFacts:
        alarm = counted.alarm
        return EscalationFacts(
            alarm=tell_facts(alarm, self.zone, is_over=False),
            url=f"{self.settings.base_url}/noc/alarms/{alarm.id}",
            policy=counted.policy.name,
            step=step,
            minutes=max(0, to_ms(at) - to_ms(counted.since)) // MINUTE_MS,
            by=target.by,
            calendar=target.calendar,
            missed=tuple(missed),
        )

    def queue(self) -> list[int]:
        """Write the histories, and a message for each letter; ids of the new messages."""
        self.session.add_all(self.events.values())
        self.session.flush()
        lines = [{"id": deed_id, "event_id": one.id} for deed_id, one in self.events.items()]
        if lines:
            self.session.execute(update(EscalationDeed), lines)
        operator = {"zh": self.settings.operator_name, "en": self.settings.operator_name_en}
        url = f"{self.settings.base_url}/noc/alarms"
        messages = []
        for letter in self.letters.values():
            facts = [one for _alarm, one in letter.told]

            def write(language: str, facts: list[EscalationFacts] = facts) -> tuple[str, str]:
                return write_subject(facts, operator, language), write_text(facts, url, language)

            about = f"{EVENT}/{letter.deed_id}"
            target = letter.target
            if target.endpoint is not None:
                payload = self._payload(letter, url)
                messages.append(
                    address_message(
                        target.endpoint, EVENT, about=about, words=write, payload=payload
                    )
                )
            else:
                title, text = write(target.language)
                messages.append(
                    NewMessage(
                        about=about,
                        channel="mail",
                        event=EVENT,
                        recipient=target.who,
                        title=title,
                        text=text,
                    )
                )
        return queue_messages(self.session, messages)

    def _payload(self, letter: _Letter, url: str) -> dict[str, Any]:
        return {
            "url": letter.told[0][1].url if len(letter.told) == 1 else url,
            "severity": letter.told[0][0].severity,
            "alarms": [
                {
                    "id": alarm.id,
                    "rule": alarm.rule.code,
                    "severity": alarm.severity,
                    "label": alarm.label,
                    "began_at": alarm.began_at.isoformat(),
                    "policy": facts.policy,
                    "step": facts.step,
                    "minutes": facts.minutes,
                }
                for alarm, facts in letter.told[:MOST_IN_PAYLOAD]
            ],
            "count": len(letter.told),
        }


def _say_deed(step: int, target: Target, policy: str) -> str:
    """For programs that read a history; pages say it by the deed, in the reader's language."""
    whom = target.who or target.calendar
    how = ", ".join(part for part in (target.by, target.calendar) if part)
    said = f"{policy}, step {step}: {whom}" + (f" ({how})" if how and target.who else "")
    return said if target.outcome == "told" else f"{said}: {target.outcome}"
