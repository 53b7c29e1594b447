"""Differences between what is stated and what is computed are found and named by path."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reports.differences import Difference, find_differences

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(documents, documents)
def test_no_difference_exactly_when_equal(first: Any, second: Any) -> None:
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (not list(find_differences(first, second))) == same


def test_entries_are_named_by_their_identity() -> None:
    stated = {"metrics": [{"id": "a", "credit": {"amount": "1.00"}}, {"id": "b"}]}
    computed = {"metrics": [{"id": "a", "credit": {"amount": "2.00"}}, {"id": "c"}]}
    assert list(find_differences(stated, computed)) == [
        Difference("metrics[a].credit.amount", "1.00", "2.00"),
        Difference("metrics[b]", "{'id': 'b'}", "—"),
        Difference("metrics[c]", "—", "{'id': 'c'}"),
    ]


def test_order_and_types_count() -> None:
    assert [
        d.path for d in find_differences([{"id": "a"}, {"id": "b"}], [{"id": "b"}, {"id": "a"}])
    ]
    assert list(find_differences({"x": True}, {"x": 1}))
    assert list(find_differences({"x": "1"}, {"x": 1}))
    assert not list(find_differences({"x": 300}, {"x": 300.0}))
