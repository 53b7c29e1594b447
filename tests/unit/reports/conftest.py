import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.attachments import Attachment
from reports.render import render
from reports.sign import Signer, generate_signer, sign
from tests.unit.reports import samples


@pytest.fixture(scope="session")
def rendered() -> Callable[[str], bytes]:
    """Unsigned PDFs by name (drawn once): zh, en, small-zh, hostile-zh, review-en, …"""
    kinds: dict[str, Callable[[str], dict[str, Any]]] = {
        "breached": samples.example,
        "small": samples.small,
        "hostile": samples.hostile,
        "review": samples.needs_review,
    }
    made: dict[str, bytes] = {}

    def draw(name: str) -> bytes:
        if name not in made:
            kind, language = name.split("-")
            extra = [Attachment("bins/a.csv", b"start,bps\n0,1\n", "text/csv", "Bins")]
            made[name] = render(kinds[kind](language), extra)
        return made[name]

    return draw


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return generate_signer(tmp_path_factory.mktemp("keys") / "signing", "Example Operator")


@pytest.fixture(scope="session")
def issued(signer: Signer) -> bytes:
    """A signed statement whose numbers follow from its attachments."""
    return sign(samples.evidence_pdf("en"), signer, samples.SIGNED_AT)


@pytest.fixture
def tool(tmp_path: Path) -> Callable[..., str]:
    """Run a poppler tool on PDF bytes; skip with a reason where it is not installed."""

    def run(name: str, pdf: bytes, *options: str) -> str:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed (Debian: poppler-utils)")
        path = tmp_path / "statement.pdf"
        path.write_bytes(pdf)
        command = [name, *options, str(path)]
        if name == "pdftotext":
            command.append("-")
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run
