"""The table of a device's life: where each step leads, and that no state is a trap."""

from dcim.inventory.devices.lifecycle import (
    DEVICE_STATES,
    GONE,
    STANDING,
    STEPS,
    find_step,
    steps_from,
)


def test_steps_lead_between_states_there_are() -> None:
    assert {state for step in STEPS for state in (step.source, step.target)} <= set(DEVICE_STATES)
    assert len({(step.source, step.target) for step in STEPS}) == len(STEPS)


def test_no_step_of_the_table_goes_into_or_out_of_a_rack() -> None:
    """That is placement's: a state alone can't free or take rack units."""
    for step in STEPS:
        assert (step.source in STANDING) == (step.target in STANDING), step


def test_only_destruction_is_final() -> None:
    assert steps_from("destroyed") == ()
    for state in set(DEVICE_STATES) - {"destroyed"}:
        assert steps_from(state), state


def test_destruction_asks_for_a_witness_and_the_owners_order() -> None:
    for step in STEPS:
        if step.target != "destroyed":
            continue
        required = {ask.name for ask in step.asks if ask.required}
        assert required == {"method", "witness", "consent"}
        assert {ask.name for ask in step.asks if ask.of_customers} == {"consent"}


def test_what_is_gone_comes_back_through_stock_only() -> None:
    for step in STEPS:
        if step.source in GONE:
            assert step.target == "in_stock"
    assert find_step("returned", "in_service") is None
