"""Every reason that the engines, the counters and the faults can name has its words."""

import inspect
import re
from pathlib import Path

import pytest

import dcim.snmp.wire
from dcim.snmp.counting.counters import GapReason
from dcim.snmp.health.gaps import SILENT
from dcim.snmp.health.words import CAUSES, DROPS, GAPS, words_of
from dcim.snmp.wire import faults

# Where polling drops something: discovery's own (LLDP) are another room's.
SOURCES = ("transport", "v3_transport", "v3_message", "v3_reply", "usm", "sweep", "engine")
NAMED = re.compile(r"""(?:Rejected\(|drops\.note\(|fault = |return )"([a-z]+(?:_[a-z]+)*)\"""")
# Words of these modules that are no reasons.
OTHERS = {"unreachable", "response"}


def sources() -> dict[str, str]:
    folder = Path(inspect.getfile(dcim.snmp.wire)).parent if dcim.snmp.wire.__file__ else Path()
    names = (*SOURCES, "column_reply", "port_plan")
    return {name: (folder / f"{name}.py").read_text("utf-8") for name in names}


def test_each_reason_of_a_drop_has_words() -> None:
    found = {reason for text in sources().values() for reason in NAMED.findall(text)}
    assert {"malformed", "wrong_digest", "not_increasing", "send_buffer_full"} <= found
    assert found - OTHERS <= DROPS.keys()
    assert {"late", "unanswered"} <= DROPS.keys()


def test_each_reason_of_a_gap_has_words() -> None:
    assert {str(reason) for reason in GapReason} | {SILENT, "unknown"} == GAPS.keys()


def test_each_cause_has_words() -> None:
    kinds = [
        value for value in vars(faults).values()
        if isinstance(value, type) and issubclass(value, faults.SnmpError)
        and value is not faults.AgentError
    ]  # fmt: skip
    assert len(kinds) > 9
    for kind in kinds:
        error = kind("something")
        assert faults.name_fault(error) in CAUSES
        # What is stored of a poll is told apart again.
        assert faults.name_explained(faults.explain(error)) == faults.name_fault(error)
    assert faults.name_explained("gave up after 51 s: the agent is too slow") == "too_slow"


@pytest.mark.parametrize("table", [DROPS, GAPS, CAUSES])
def test_words_are_a_name_and_one_sentence(table: dict[str, tuple[str, str]]) -> None:
    for name, meaning in table.values():
        assert name[0].isupper()
        assert meaning.endswith(".")
        assert meaning.count(". ") == 0


def test_a_reason_of_a_newer_version_is_called_what_it_is() -> None:
    assert words_of(DROPS, "brand_new") == ("brand_new", "")
