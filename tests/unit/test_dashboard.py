"""The Grafana dashboard asks for metrics that there are, by labels that they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dcim.sla import readings_now as readings

DOCS = Path(__file__).parents[2] / "docs"
BOARD = DOCS / "grafana" / "jifang.json"
LABELS = {
    name: set(labels)
    for families, labels in (
        (readings.PORT_FAMILIES, readings.PORT_LABELS),
        (readings.NODE_FAMILIES, readings.NODE_LABELS),
        (readings.SENSOR_FAMILIES, readings.SENSOR_LABELS),
    )
    for name, _help in families
}


def unknown_words(expression: str) -> set[str]:
    """Metrics that aren't there, and labels that the one they stand with hasn't."""
    wrong = set()
    for name, matchers in re.findall(r"(jifang_\w+)(?:\{([^}]*)\})?", expression):
        if name not in LABELS:
            wrong.add(name)
            continue
        wrong |= set(re.findall(r"(\w+)\s*(?:=~|!=|=|!~)", matchers)) - LABELS[name]
    return wrong


@pytest.fixture(scope="module")
def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(BOARD.read_text("utf-8"))["panels"]
    return found


def test_it_asks_for_what_there_is(panels: list[dict[str, Any]]) -> None:
    targets = [target for panel in panels for target in panel["targets"]]
    assert len(targets) >= 12
    assert {word for target in targets for word in unknown_words(target["expr"])} == set()
    # The control: a name that isn't there and a label it hasn't are found.
    assert unknown_words('sum(jifang_port_rate{site="x"})') == {"jifang_port_rate"}
    assert unknown_words('jifang_port_up{room="x"}') == {"room"}


def test_legends_name_labels_of_their_metric(panels: list[dict[str, Any]]) -> None:
    for panel in panels:
        for target in panel["targets"]:
            (name, *_more) = re.findall(r"jifang_\w+", target["expr"])
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= LABELS[name], panel["title"]


def test_panels_lie_beside_each_other(panels: list[dict[str, Any]]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells


def test_the_page_lists_every_metric() -> None:
    text = (DOCS / "monitoring.md").read_text("utf-8")
    assert [name for name in LABELS if f"`{name}`" not in text] == []
