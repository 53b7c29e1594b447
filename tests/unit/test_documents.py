"""What the documents promise is there, and what is there is documented."""

import re
from pathlib import Path

import pytest

from dcim.cli import SECTIONS, main
from dcim.config import read_settings_names

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "drills" not in path.parts
)


def test_every_setting_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(DCIM_\w+)`", text, re.MULTILINE))
    assert documented == set(read_settings_names())


def test_every_command_loads_and_explains_itself() -> None:
    import click

    context = click.Context(main)
    for entries in SECTIONS.values():
        for name, entry in entries.items():
            command = main.get_command(context, name)
            assert command is not None, name
            assert command.help, name
            assert len(entry.summary) < 70
            if isinstance(command, click.Group):
                for child_name, child in command.commands.items():
                    assert child.help, f"{name} {child_name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_named_files_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing, missing


def test_the_map_names_rooms_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    for row in rows:
        for name in re.findall(r"`([\w./]+)`", row):
            place = ROOT / name
            inside = ROOT / "dcim" / name
            assert place.exists() or inside.exists(), name


def test_no_packages_hide_code_in_init() -> None:
    full = [
        path
        for package in ("dcim", "reports", "snmp_mibs")
        for path in (ROOT / package).rglob("__init__.py")
        if path.read_text("utf-8").strip()
    ]
    assert not full, full


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in ("dcim", "reports")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
        and (lines := len(path.read_text("utf-8").splitlines())) > 500
    }
    assert not long, long


def test_no_file_names_this_machine_or_a_registry() -> None:
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org")
    found = []
    for path in ROOT.rglob("*"):
        if not path.is_file() or {".git", ".venv", ".tools", "var", "vendor"} & set(path.parts):
            continue
        if any(part.startswith(".") and part != ".ci" for part in path.relative_to(ROOT).parts):
            continue
        if path.suffix in {".pyc", ".png", ".mo", ".pdf", ".woff2"}:
            continue
        text = path.read_text("utf-8", errors="replace")
        found += [(str(path.relative_to(ROOT)), host) for host in hosts if host in text]
    assert not found, found
