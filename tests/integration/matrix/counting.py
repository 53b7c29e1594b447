"""Adds up what the matrix did, over all workers, and prints it at the end of the run."""

import pytest

MATRIX_CASES = "authorisation_matrix_cases"
MATRIX_LEAKS = "authorisation_matrix_leaks"


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Reports carry their properties from the workers to whoever prints."""
    counted = [
        dict(report.user_properties)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
    ]
    cases = sum(int(str(one.get(MATRIX_CASES, 0))) for one in counted)
    leaks = sum(int(str(one.get(MATRIX_LEAKS, 0))) for one in counted)
    if cases:
        terminalreporter.write_line(f"authorisation matrix: {cases:,} cases, {leaks} leaks")
