"""Statements to draw and files to attach: the published examples, a small one, a hostile one."""

import copy
import csv
import hashlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

from reports.attachments import Attachment
from reports.render import render
from tests.hostile_texts import TEXTS

EXAMPLES = Path(__file__).parents[2] / "statements"
SIGNED_AT = datetime(2026, 11, 1, 1, 0, tzinfo=UTC)

HOSTILE = (
    '<script>alert(1)</script><img src="http://127.0.0.1:1/x.png"> \u202egnp.exe\u202c \u0007'
    "\u200b{{ 7*7 }} {% raw %} العربية 🏢 \ue000 &amp; ]]> "
)


def example(language: str) -> dict[str, Any]:
    text = (EXAMPLES / f"breached.{language}.json").read_text("utf-8")
    statement: dict[str, Any] = json.loads(text)
    return statement


def small(language: str) -> dict[str, Any]:
    """Everything met and nothing to tell: what most customers get."""
    statement: dict[str, Any] = json.loads((EXAMPLES / f"small.{language}.json").read_text("utf-8"))
    return statement


def hostile(language: str) -> dict[str, Any]:
    """Every text that comes from outside is an attack, in turn, or 300 characters long."""
    statement = copy.deepcopy(example(language))
    attacks = cycle((HOSTILE, *TEXTS))

    def poison(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            if set(value) == {"zh", "en"}:
                attack = next(attacks)
                return {name: f"{attack} {text}" for name, text in value.items()}
            return {name: poison(entry, name) for name, entry in value.items()}
        if isinstance(value, list):
            return [poison(entry, key) for entry in value]
        if key in {"place", "formula", "scope", "recipients", "contact", "terms_name", "evidence"}:
            return (next(attacks) + "x" * 300)[:300]
        return value

    poisoned: dict[str, Any] = poison(statement)
    poisoned["verify_url"] = "javascript:alert(1)"
    poisoned["customer"]["code"] = HOSTILE
    return poisoned


def needs_review(language: str) -> dict[str, Any]:
    """A result that hangs on unmeasured time, a decision, a warning, a second revision."""
    statement = example(language)
    metric = statement["metrics"][1]
    metric |= {
        "result": "needs_review", "unknown_s": 5400, "availability_pct": "99.951613",
        "availability_worst_pct": "99.750000",
        "result_text": {"zh": "待复核", "en": "Under review"},
    }  # fmt: skip
    metric["credit"] |= {"at_least": "0.00", "at_most": "60.00"}
    statement |= {
        "revision": 2,
        "supersedes": "SLA-202610-C1003-01",
        "number": "SLA-202610-C1003-02",
        "reason": {"zh": "更正维护通知时间", "en": "Time of notice corrected"},
        "warnings": [{"zh": "一台电表停报 90 分钟", "en": "One meter was silent for 90 minutes"}],
        "decisions": [
            {
                "metric": metric["id"], "treat_unknown": "left_out", "decided_by": "noc.li",
                "approved_by": "ops.wang", "decided_at": "2026-11-01T00:30:00Z",
                "reason": {"zh": "上游电表正常", "en": "The meter upstream was fine"},
                "evidence": "WO-4711", "approval": "抄表记录已核对",
            }
        ],
        "termination": [
            {
                "metric": metric["id"], "reached": False, "value": "1 / 3",
                "text": {"zh": "12 个月内 3 次未达标可解约", "en": "3 misses in 12 months"},
            }
        ],
    }  # fmt: skip
    return statement


def revision(language: str, statement: dict[str, Any] | None = None) -> dict[str, Any]:
    """Revision 2: a credit less, a line more, and nothing else that isn't told."""
    found = statement or example(language)
    metric = found["metrics"][0]
    missed = {
        "result": "breached", "result_text": {"zh": "未达标", "en": "Breached"},
        "credit": "930.00", "downtime_s": 2220, "availability_pct": "99.917000",
    }  # fmt: skip
    met = missed | {
        "result": "met", "result_text": {"zh": "达标", "en": "Met"}, "credit": "0.00",
        "downtime_s": 0, "availability_pct": "100.000000",
    }  # fmt: skip
    line = {"key": "credit:x", "kind": "credit", "item": None, "change": "removed",
            "text": {"zh": "供电抵扣", "en": "Power credit"}}  # fmt: skip
    found |= {
        "revision": 2,
        "supersedes": "SLA-202610-C1003-01",
        "number": "SLA-202610-C1003-02",
        "reason": {"zh": "断电系客户自行操作", "en": "The customer's own doing"},
        "replaces": {
            "number": "SLA-202610-C1003-01", "revision": 1, "frozen_at": "2026-11-01T01:00:00Z",
            "sha256": "a" * 64, "file_sha256": "b" * 64,
            "approval": {
                "proposed_by": "li.na", "proposed_at": "2026-11-10T02:00:00Z",
                "approved_by": "wang.wei", "approved_at": "2026-11-10T06:12:00Z",
                "text": "与值班记录相符",
            },
            "differences": {
                "results": [
                    {
                        "id": metric["id"], "label": metric["label"],
                        "subject": metric["subject"], "change": "changed",
                        "before": missed, "after": met,
                    }
                ],
                "lines": [line | {"before": "-930.00", "after": None, "difference": "930.00"}],
                "totals": [
                    {"key": "total", "before": "44070.00", "after": "45000.00",
                     "difference": "930.00"}
                ],
                "parts": ["levels", "charges"],
            },
        },
    }  # fmt: skip
    return found


def many(language: str, services: int) -> dict[str, Any]:
    """A large customer: that many ports and feeds."""
    statement = example(language)
    metric, days = statement["metrics"][1], statement["days"][1]
    usage, power = statement["usage"][0], statement["power"][0]
    charts = statement["charts"]
    series, watts = charts["usage"][0], charts["power"][0]
    numbers = range(services)
    statement["metrics"] += [{**metric, "id": f"network.P{n}", "item": f"P{n}"} for n in numbers]
    statement["days"] += [{**days, "metric": f"network.P{n}"} for n in numbers]
    statement["usage"] = [{**usage, "id": f"u{n}", "item": f"P{n}"} for n in numbers]
    statement["power"] = [{**power, "id": f"f{n}"} for n in numbers]
    charts["usage"] = [{**series, "id": f"u{n}"} for n in numbers[:24]]
    charts["power"] = [{**watts, "id": f"f{n}"} for n in numbers[:24]]
    return statement


def bins_file(rates: list[int]) -> Attachment:
    """A CSV of billing bins in bit/s."""
    text = "start,out_bps\n" + "".join(f"{300 * n},{rate}\n" for n, rate in enumerate(rates))
    return Attachment("bins/bandwidth.BW-A05.csv", text.encode(), "text/csv", "Billing bins")


def facts_file(statement: Mapping[str, Any]) -> Attachment:
    """Everything but what `recompute` derives."""
    kept = {key: value for key, value in statement.items() if key != "manifest"}
    data = json.dumps(kept, ensure_ascii=False, sort_keys=True).encode()
    return Attachment("facts.json", data, "application/json", "Facts")


def with_evidence(
    statement: Mapping[str, Any], rates: list[int] | None = None
) -> tuple[dict[str, Any], list[Attachment]]:
    """A statement whose billed rate follows from attached bins, and its attachments."""
    files = [facts_file(statement), bins_file(rates or [n * 1_000_000 for n in range(100)])]
    return recompute({file.name: file.data for file in files}), files


@cache
def evidence_pdf(language: str) -> bytes:
    """The unsigned PDF of the example with evidence, drawn once."""
    return render(*with_evidence(example(language)))


def recompute(attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """A stand-in for the composition: the 95th percentile of the bins goes into the facts."""
    statement: dict[str, Any] = json.loads(attachments["facts.json"])
    text = attachments["bins/bandwidth.BW-A05.csv"].decode()
    rates = sorted(int(row["out_bps"]) for row in csv.DictReader(io.StringIO(text)))
    statement["usage"][0]["billed_bps"] = rates[-(-len(rates) * 95 // 100) - 1]
    statement["manifest"] = [
        {
            "name": name, "media_type": "text/plain", "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(), "what": {"zh": "数据", "en": "Data"},
        }
        for name, data in sorted(attachments.items())
    ]  # fmt: skip
    return statement
