"""What every run of the tests shares."""

from tests.integration.matrix.counting import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]
