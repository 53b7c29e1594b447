"""The room's walls: what importing it loads, and what it must never load."""

import subprocess
import sys

import pytest

MODULES = (
    "reports.render", "reports.sign", "reports.verification", "reports.trust", "reports.pages",
    "reports.attachments",
)  # fmt: skip


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return {name.split(".")[0] for name in result.stdout.split()}


def test_entries_import_nothing_heavy_and_nothing_of_the_application() -> None:
    loaded = loaded_after("\n".join(f"import {module}" for module in MODULES))
    forbidden = {"flask", "sqlalchemy", "pysnmp", "marshmallow", "dcim", "weasyprint", "pyhanko"}
    assert not loaded & forbidden


@pytest.mark.parametrize("name", ["weasyprint", "pyhanko"])
def test_control_the_heavy_ones_would_be_seen(name: str) -> None:
    assert name in loaded_after(f"import {name}")
