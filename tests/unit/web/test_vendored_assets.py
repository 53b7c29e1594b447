"""What is vendored is what was reviewed: every file has its checksum, every folder its licence."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

STATIC = Path(__file__).parents[3] / "dcim" / "web" / "static"
VENDOR = STATIC / "vendor"


def differences(vendor: Path) -> list[str]:
    """Names of files that are missing, added or changed against CHECKSUMS."""
    lines = (vendor / "CHECKSUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    present = {
        path.relative_to(vendor).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "CHECKSUMS"
    }
    names = listed.keys() | present.keys()
    return sorted(name for name in names if listed.get(name) != present.get(name))


def test_vendored_files_are_as_reviewed() -> None:
    assert differences(VENDOR) == []


def test_a_changed_an_added_and_a_missing_file_are_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "vendor"
    shutil.copytree(VENDOR, copy)
    (copy / "htmx" / "htmx.min.js").write_text("changed")
    (copy / "new.js").write_text("1")
    (copy / "uplot" / "LICENSE").unlink()
    assert differences(copy) == ["htmx/htmx.min.js", "new.js", "uplot/LICENSE"]


def test_every_vendored_folder_carries_its_licence() -> None:
    folders = [path for path in VENDOR.iterdir() if path.is_dir()]
    assert len(folders) == 4
    assert all((folder / "LICENSE").stat().st_size > 200 for folder in folders)


def test_own_files_fetch_nothing_from_elsewhere() -> None:
    """Comments and SVG namespaces aside, no address of another host stands in what we serve."""
    own = [
        p
        for p in STATIC.rglob("*")
        if p.suffix in (".css", ".js", ".svg") and VENDOR not in p.parents
    ]
    assert own
    for path in own:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text), path
