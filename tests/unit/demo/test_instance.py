"""A demo instance keeps its anchor, ports and secrets in a file that only its owner can read."""

from pathlib import Path

from dcim.demo.instance import DEMO_FILE, create_demo, open_demo
from tests.unit.demo.conftest import ANCHOR_MS


def test_an_instance_has_one_demo_for_life(tmp_path: Path) -> None:
    assert open_demo(tmp_path) is None
    made = create_demo(tmp_path, ANCHOR_MS)
    assert open_demo(tmp_path) == made
    assert create_demo(tmp_path, ANCHOR_MS + 86_400_000) == made
    assert (tmp_path / DEMO_FILE).stat().st_mode & 0o777 == 0o600


def test_two_instances_share_no_secret(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    first, second = create_demo(one, ANCHOR_MS), create_demo(other, ANCHOR_MS)
    secrets = [
        (demo.community, demo.v3_user, demo.v3_auth_password, demo.v3_priv_password)
        for demo in (first, second)
    ]
    assert not set(secrets[0]) & set(secrets[1])
    assert first.base_port + len(first.plan().agents) < 32_768
