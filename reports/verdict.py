"""What a verification found: outcomes, exit codes, findings in plain words."""

from dataclasses import asdict, dataclass, field
from typing import Any

from reports.differences import Difference

EXIT_CODES = {
    "trusted": 0,
    "signer_unknown": 3,
    "altered": 4,
    "attachments": 5,
    "numbers": 6,
    "not_recomputed": 7,
    "untrusted": 8,
    "superseded": 9,
    "no_statement": 10,
    "samples": 11,
    "bins": 12,
}
PRIORITY = (
    "no_statement", "altered", "attachments", "not_recomputed", "numbers", "samples", "bins",
    "untrusted", "superseded", "signer_unknown", "trusted",
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One finding. state: ok | failed | unknown; text in plain words, zh and en."""

    key: str
    state: str
    text: dict[str, str]


@dataclass
class Verdict:
    """What verification found. outcome is a key of EXIT_CODES."""

    outcomes: set[str] = field(default_factory=set)
    checks: list[Check] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    number: str | None = None
    revision: int | None = None
    file_sha256: str = ""
    signer: dict[str, str] = field(default_factory=dict)
    # Of a marked copy: what copy.json says (see reports.marking).
    copy: dict[str, Any] | None = None

    @property
    def outcome(self) -> str:
        return next(name for name in PRIORITY if name in self.outcomes)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.outcome]

    def note(self, key: str, state: str, zh: str, en: str) -> None:
        self.checks.append(Check(key, state, {"zh": zh, "en": en}))

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "jifang.verdict/1",
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "number": self.number,
            "revision": self.revision,
            "file_sha256": self.file_sha256,
            "signer": self.signer,
            **({"copy": self.copy} if self.copy is not None else {}),
            "checks": [asdict(check) for check in self.checks],
            "differences": [asdict(difference) for difference in self.differences],
        }

    def words(self, language: str) -> list[str]:
        """The verdict as lines to print."""
        marks = {"ok": "✓", "failed": "✗", "unknown": "?"}
        lines = [f"{marks[check.state]} {check.text[language]}" for check in self.checks]
        stated, computed = ("文件中", "重新计算") if language == "zh" else ("stated", "recomputed")
        lines += [
            f"  {d.path}: {stated} {d.stated}, {computed} {d.computed}" for d in self.differences
        ]
        return lines
