"""The inputs of a statement as files and back: facts, terms, bins and intervals."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dcim.sla.rules.language.tree import canonical_json, parse_text
from dcim.sla.rules.periods import format_instant, parse_instant
from dcim.sla.rules.terms import Text

HEADERS = {
    "states": ("start", "end", "state"),
    "values": ("start", "end", "value"),
    "bandwidth": ("start", "in_octets", "out_octets", "covered_ms"),
    "power": ("start", "covered_ms", "max_mw", "mean_mw", "energy_mwh"),
}


class AttachmentsRefusedError(ValueError):
    """The files cannot be read back; the message names the file."""


@dataclass(frozen=True)
class Attachment:
    name: str
    media_type: str
    content: bytes
    what: Text

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def safe_name(text: str) -> str:
    """For a file in an archive: letters, digits, dot and dash; what differs gets a hash."""
    plain = re.sub(r"\.{2,}|[^A-Za-z0-9.-]+", "_", text).strip("._")[:80]
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def states_file(resource: Mapping[str, Any]) -> str:
    return f"intervals/{safe_name(resource['name'])}.csv"


def bins_file(entry: Mapping[str, Any]) -> str:
    return f"bins/{safe_name(entry['item'])}.csv"


def power_file(entry: Mapping[str, Any]) -> str:
    return f"power/{safe_name(entry['id'])}.csv"


def attachments_of(inputs: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Every input as a file; the same inputs give the same bytes."""
    facts = {key: value for key, value in inputs.items() if key != "terms"}
    files: list[Attachment] = []
    if "later_terms" in inputs:
        facts["later_terms"] = [{"from": entry["from"]} for entry in inputs["later_terms"]]
    facts["resources"] = []
    for resource in inputs["resources"]:
        kind = "values" if "values" in resource else "states"
        what = {
            "zh": f"{resource['label']['zh']}：{'测量值' if kind == 'values' else '状态'}区间",
            "en": f"{resource['label']['en']}: intervals of {kind}",
        }
        files.append(_csv_file(states_file(resource), kind, resource[kind], 2, what))
        facts["resources"].append(
            {
                **{k: v for k, v in resource.items() if k != kind},
                f"{kind}_file": states_file(resource),
            }
        )
    for key, name, zh, en in (
        ("bandwidth", bins_file, "计费点", "billing bins"),
        ("power", power_file, "功率与电量", "power and energy"),
    ):
        facts[key] = []
        for entry in inputs[key]:
            what = {"zh": f"{entry['label']['zh']}：{zh}", "en": f"{entry['label']['en']}: {en}"}
            files.append(_csv_file(name(entry), key, entry["bins"], 1, what))
            facts[key].append(
                {**{k: v for k, v in entry.items() if k != "bins"}, "bins_file": name(entry)}
            )
    names = [file.name for file in files]
    if len(set(names)) != len(names):
        raise AttachmentsRefusedError("two resources, services or feeds carry the same name")
    head = [
        Attachment(
            "facts.json",
            "application/json",
            (json.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode(),
            {
                "zh": "事实与决定：服务项、事件、维护、工单、核定",
                "en": "Facts and decisions: items, incidents, maintenance, tickets, rulings",
            },
        ),
        *_terms_files("terms", inputs["terms"], "", ""),
    ]
    for entry in inputs.get("later_terms", []):
        day = entry["from"]
        head += _terms_files(f"terms-{day}", entry["terms"], f"（自 {day} 起）", f", from {day}")
    return (*head, *sorted(files, key=lambda file: file.name))


def _terms_files(name: str, text: str, zh: str, en: str) -> list[Attachment]:
    return [
        Attachment(
            f"{name}.yaml",
            "application/yaml",
            text.encode(),
            {"zh": f"条款原文{zh}", "en": f"The terms as agreed{en}"},
        ),
        Attachment(
            f"{name}.json",
            "application/json",
            canonical_json(parse_text(text)).encode(),
            {
                "zh": f"条款规范形式（哈希的对象）{zh}",
                "en": f"The terms in the form that is hashed{en}",
            },
        ),
    ]


def _csv_file(
    name: str, kind: str, rows: Iterable[list[Any]], instants: int, what: Text
) -> Attachment:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADERS[kind])
    for row in rows:
        writer.writerow([*(format_instant(at) for at in row[:instants]), *row[instants:]])
    return Attachment(name, "text/csv", buffer.getvalue().encode(), what)


def read_inputs(files: Iterable[Attachment] | Mapping[str, bytes]) -> dict[str, Any]:
    """The inputs that `attachments_of` wrote; AttachmentsRefusedError names what is odd."""
    content = dict(files) if isinstance(files, Mapping) else {f.name: f.content for f in files}

    def take(name: str) -> str:
        if name not in content:
            raise AttachmentsRefusedError(f"{name} is not attached")
        try:
            return content[name].decode("utf-8")
        except UnicodeDecodeError as error:
            raise AttachmentsRefusedError(f"{name} is no UTF-8 text") from error

    try:
        inputs: dict[str, Any] = json.loads(take("facts.json"))
        for resource in inputs["resources"]:
            kind = "values" if "values_file" in resource else "states"
            name = resource.pop(f"{kind}_file")
            resource[kind] = _read_rows(name, kind, take(name), 2)
        for key in ("bandwidth", "power"):
            for entry in inputs[key]:
                name = entry.pop("bins_file")
                entry["bins"] = _read_rows(name, key, take(name), 1)
        for entry in inputs.get("later_terms", []):
            entry["terms"] = take(f"terms-{entry['from']}.yaml")
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise AttachmentsRefusedError(
            f"facts.json does not have the expected form: {error!r}"
        ) from error
    inputs["terms"] = take("terms.yaml")
    return inputs


def _read_rows(name: str, kind: str, text: str, instants: int) -> list[list[Any]]:
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0]) != HEADERS[kind]:
        raise AttachmentsRefusedError(f"{name}: the heading must be {','.join(HEADERS[kind])}")
    read: list[list[Any]] = []
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(HEADERS[kind]):
            raise AttachmentsRefusedError(f"{name}, line {line}: {len(row)} fields")
        try:
            rest = row[instants:] if kind == "states" else [int(cell) for cell in row[instants:]]
            read.append([*(parse_instant(cell) for cell in row[:instants]), *rest])
        except ValueError as error:
            raise AttachmentsRefusedError(f"{name}, line {line}: {error}") from error
    return read
