"""Device types from files: what is kept, what is said, what is refused, and where."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcim.inventory.devices.naming import LONGEST, make_slug
from dcim.inventory.devices.type_descriptions import (
    PortLine,
    SupplyLine,
    TypeDescription,
    find_problems,
    speed_of,
)
from dcim.inventory.devices.type_files import ReadType, read_type_file
from dcim.inventory.devices.type_import import read_catalogue
from dcim.inventory.devices.type_yaml import MOST_NODES

FOLDER = Path(__file__).parent / "device_types"
PLAIN = "manufacturer: M\nmodel: T\nslug: m-t\nu_height: 1\nis_full_depth: true\n"
GOOD = TypeDescription("M", "T", "m-t", 2)


def read(text: str) -> ReadType:
    (one,) = read_type_file("t.yaml", text.encode())
    return one


def said(one: ReadType) -> str:
    return "\n".join(str(problem) for problem in one.problems)


def test_a_whole_file_is_read() -> None:
    path = FOLDER / "example-switch.yaml"
    (one,) = read_type_file(path.name, path.read_bytes(), category="switch")
    assert one.problems == ()
    assert one.description == TypeDescription(
        manufacturer="Pinecone",
        model="2288",
        slug="pinecone-2288",
        height=3,
        full_depth=False,
        part_number="PC-2288-A",
        category="switch",
        airflow="front-to-rear",
        weight_g=5670,
        rated_w=700,
        ports=(
            PortLine("1", "10gbase-x-sfpp", 10**10),
            PortLine("on", "25gbase-x-sfp28", 25 * 10**9),
            PortLine("Management", "1000base-t", 10**9, mgmt=True),
        ),
        supplies=(SupplyLine("PSU0", "C14", 350, 200), SupplyLine("PSU1", "C14", 350)),
    )
    assert [str(remark) for remark in one.remarks] == [
        "line 11, description: description is not kept.",
        "line 13, console-ports: 1 of console-ports are not kept.",
        "line 16, interfaces: Of each, label is not kept.",
    ]


def test_a_file_may_hold_several_types_and_ranges_of_ports() -> None:
    text = PLAIN + 'interfaces: [{name: "Te1/[9-11]", type: 10gbase-t}]\n---\n' + PLAIN
    first, second = read_type_file("both.yaml", text.encode())
    assert (first.name, second.name) == ("both.yaml#1", "both.yaml#2")
    assert first.description is not None
    assert [port.name for port in first.description.ports] == ["Te1/9", "Te1/10", "Te1/11"]


def test_all_problems_are_told_at_once() -> None:
    one = read(
        "manufacturer: M\nu_height: 1.3\nweight: 5\nis_full_depth: maybe\ncategory: toaster\n"
        "interfaces: [{type: other}]\npower-ports: [{name: P, maximum_draw: lots}]\n"
    )
    assert one.description is None
    assert {problem.place for problem in one.problems} == {
        "model", "u_height", "weight_unit", "is_full_depth", "category", "interfaces",
        "power-ports",
    }  # fmt: skip
    assert "line 2, u_height" in said(one)


def deep(levels: int) -> str:
    return PLAIN + "comments: " + "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PLAIN + "comments: &a x\n", "Anchors and aliases"),
        (PLAIN + "a: &a [1]\nb: [*a, *a]\n", "Anchors and aliases"),
        (PLAIN + "comments: !!python/object/apply:os.getcwd []\n", "Tags"),
        (PLAIN + "model: again\n", "model stands twice"),
        (PLAIN + "interfaces: [{name: a, name: b}]\n", "name stands twice"),
        (deep(50), "more than one device type"),
        (PLAIN + f"comments: [{'x,' * MOST_NODES}]", "more than one device type"),
        ("- a\n- b\n", "as names and values"),
        ("", "as names and values"),
        ("a: [", "Not readable as YAML"),
        ("a: \x07", "Not readable as YAML"),
    ],
)
def test_tricks_are_refused(text: str, why: str) -> None:
    one = read(text)
    assert one.description is None
    assert why in said(one)


def test_what_is_no_text_is_refused() -> None:
    (one,) = read_type_file("t.yaml", b"\xff\xfe\x00")
    assert "not UTF-8" in said(one)
    (big,) = read_type_file("t.yaml", b"#" * 1_000_001)
    assert "larger than 1000 kB" in said(big)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda one: replace(one, height=121), "height"),
        (lambda one: replace(one, weight_g=1_500_001), "weight_g"),
        (lambda one: replace(one, rated_w=50_001), "rated_w"),
        (lambda one: replace(one, typical_w=300, rated_w=200), "typical_w"),
        (lambda one: replace(one, depth_mm=3000), "depth_mm"),
        (lambda one: replace(one, height=0, half_width=True), "half_width"),
        (lambda one: replace(one, slug="s" * 65), "slug"),
        (lambda one: replace(one, ports=tuple(PortLine(str(n), "x") for n in range(1001))),
         "interfaces"),
        (lambda one: replace(one, ports=(PortLine("a", "x"), PortLine("a", "y"))), "interfaces"),
        (lambda one: replace(one, rated_w=500, supplies=(SupplyLine("P", "C14", 400),)),
         "power-ports"),
        (lambda one: replace(one, supplies=(SupplyLine("P", "C14", 400, 500),)), "power-ports"),
        (lambda one: replace(one, supplies=(SupplyLine("P", "C14", 60_000),)), "power-ports"),
    ],
)  # fmt: skip
def test_what_no_device_has_is_named(
    change: Callable[[TypeDescription], TypeDescription], place: str
) -> None:
    assert find_problems(GOOD) == []
    assert [one.place for one in find_problems(change(GOOD))] == [place]


def test_a_supply_without_a_figure_says_nothing_about_the_sum() -> None:
    one = replace(GOOD, rated_w=500, supplies=(SupplyLine("P", "C14"), SupplyLine("Q", "C14", 90)))
    assert find_problems(one) == []


@pytest.mark.parametrize(
    ("form", "speed"),
    [
        ("100base-tx", 10**8),
        ("2.5gbase-t", 2_500_000_000),
        ("400gbase-x-qsfpdd", 400 * 10**9),
        ("32gfc-sfp28", 32 * 10**9),
        ("infiniband-hdr", None),
        ("other", None),
    ],
)
def test_a_form_says_its_speed(form: str, speed: int | None) -> None:
    assert speed_of(form) == speed


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_slug_fits_its_column_and_says_nothing_twice(maker: str, model: str) -> None:
    slug = make_slug(maker, model)
    assert 1 <= len(slug) <= LONGEST
    assert "/" not in slug
    assert slug == slug.strip()


@given(st.binary(max_size=400))
def test_no_file_breaks_the_reader(content: bytes) -> None:
    for one in read_type_file("t.yaml", content):
        assert (one.description is None) == bool(one.problems)


class TestCatalogue:
    def test_every_figure_can_be_and_names_its_source(self) -> None:
        reads = read_catalogue()
        assert len(reads) >= 40
        for one in reads:
            assert one.problems == (), (one.name, said(one))
            assert one.remarks == (), one.name
            description = one.description
            assert description is not None
            assert description.source, one.name
            assert "://" not in description.source, one.name
            assert description.category != "other", one.name
        slugs = [one.description.slug for one in reads if one.description]
        assert len(set(slugs)) == len(slugs)

    def test_makers_of_both_worlds_are_there(self) -> None:
        makers = {one.description.manufacturer for one in read_catalogue() if one.description}
        assert makers >= {
            "Huawei", "H3C", "Inspur", "xFusion", "Sugon", "ZTE", "Ruijie", "Dell", "HPE",
            "Cisco", "APC", "Vertiv", "Raritan",
        }  # fmt: skip
