"""What every run of the tests shares."""

import gc

import pytest
from hypothesis import settings

from tests.examples import are_drawn_anew, examples
from tests.integration.matrix.counting import pytest_terminal_summary
from tests.reporting import pytest_configure

__all__ = ["pytest_collection_modifyitems", "pytest_configure", "pytest_terminal_summary"]

# A busy machine is no failure of a property; a test that hangs has pytest's own limit.
settings.register_profile(
    "jifang", deadline=None, max_examples=examples(100), derandomize=not are_drawn_anew()
)
settings.load_profile("jifang")

# A worker takes whole files: those that take minutes begin first, so that no worker is left with
# one at the end while the others are idle.
LONG = (
    "tests/e2e/test_main_job.py",
    "tests/integration/matrix/test_matrix.py",
    "tests/e2e/test_every_page.py",
    "tests/integration/statements/test_demo_month.py",
    "tests/integration/matrix/test_fuzz.py",
    "tests/integration/demo/test_past.py",
    "tests/e2e/test_newcomer.py",
    "tests/integration/statements/test_issuing.py",
    "tests/integration/matrix/test_mutants.py",
    "tests/unit/reports/test_verification.py",
    "tests/unit/statements/test_carrying.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        return LONG.index(file) if file in LONG else len(LONG)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the collector needn't walk it again and again."""
    gc.collect()
    gc.freeze()
