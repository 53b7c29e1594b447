from datetime import UTC, datetime
from pathlib import Path

import pytest

from dcim.statements.composition import compose
from reports.attachments import Attachment
from reports.render import render
from reports.sign import generate_signer, sign
from tests.statements.sampled import sampled_inputs


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A statement's file with the archive of its samples beside it."""
    folder = tmp_path_factory.mktemp("sampled")
    inputs, archive = sampled_inputs()
    made = compose(inputs)
    files = [Attachment(f.name, f.content, f.media_type, f.what["en"]) for f in made.attachments]
    path, samples = folder / "statement.pdf", folder / "samples.zip"
    signer = generate_signer(folder, "Operator")
    path.write_bytes(sign(render(made.data, files), signer, datetime(2026, 11, 1, tzinfo=UTC)))
    samples.write_bytes(archive)
    return path, samples
