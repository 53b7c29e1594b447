"""Device types from files of the community's device-type format, one file a type. Pure.

Beside that format's words a file may say what the format has no word for: `category`,
`rated_w`, `typical_w`, `width_mm`, `depth_mm`, `half_width`, `source`. What the format has and
we don't keep is named in `remarks`; nothing is dropped without a word.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from dcim.inventory.devices.naming import LONGEST, make_slug
from dcim.inventory.devices.type_descriptions import (
    AIRFLOWS,
    CATEGORIES,
    MOST_PORTS,
    PortLine,
    Problem,
    SupplyLine,
    TypeDescription,
    find_problems,
    speed_of,
)
from dcim.inventory.devices.type_yaml import Node, UnreadableError, read_trees
from dcim.records.fields import NO, UNWRITABLE, YES, mark

# What one unit of weight is in grams.
GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "lb": Decimal("453.59237"), "oz": Decimal("28.3495")}
# How the community's inlets are called on their plugs.
CONNECTORS = {
    "iec-60320-c6": "C6",
    "iec-60320-c8": "C8",
    "iec-60320-c14": "C14",
    "iec-60320-c16": "C16",
    "iec-60320-c18": "C18",
    "iec-60320-c20": "C20",
    "iec-60320-c22": "C22",
    "dc-terminal": "DC",
    "hardwired": "hardwired",
}
# Parts of the format that we have no place for.
LEFT_OUT_LISTS = (
    "console-ports",
    "console-server-ports",
    "power-outlets",
    "front-ports",
    "rear-ports",
    "module-bays",
    "device-bays",
    "inventory-items",
)
LEFT_OUT_WORDS = (
    "front_image",
    "rear_image",
    "subdevice_role",
    "is_powered",
    "description",
    "comments",
)
PORT_WORDS = {"name", "type", "mgmt_only"}
SUPPLY_WORDS = {"name", "type", "maximum_draw", "allocated_draw"}
# "10GE1/0/[1-48]" stands for 48 ports.
RANGE = re.compile(r"\[(\d{1,4})-(\d{1,4})\]")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReadType:
    """A file's name and what came of it: a description, or the problems that forbid one."""

    name: str
    description: TypeDescription | None
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()


def read_type_file(name: str, content: bytes, *, category: str = "") -> list[ReadType]:
    """Read one file; every problem in it is found at once.

    A file holds one type, or several as YAML documents (`---`): those are told apart by number.
    `category` stands where the file says none; where both are silent, what is plain to see
    decides (it has outlets: a PDU), else "other".
    """
    try:
        trees = read_trees(content)
    except UnreadableError as error:
        return [ReadType(name, None, (error.problem,))]
    return [
        _read_tree(name if len(trees) == 1 else f"{name}#{number}", tree, category)
        for number, tree in enumerate(trees, 1)
    ]


def _read_tree(name: str, tree: Node, category: str) -> ReadType:
    reader = _Reader(tree)
    description = reader.read(category)
    problems = [*reader.problems]
    if not problems:
        lines = {key: node.line for key, node in (tree.words or {}).items()}
        problems = [
            replace(one, line=lines.get(WORD_OF.get(one.place, one.place), 0))
            for one in find_problems(description)
        ]
    return ReadType(
        name,
        None if problems else description,
        tuple(problems),
        tuple(sorted(reader.remarks, key=lambda one: one.line)),
    )


# Which word of a file a column comes from, where they differ.
WORD_OF = {"height": "u_height", "weight_g": "weight", "full_depth": "is_full_depth"}


@dataclass
class _Reader:
    tree: Node
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def read(self, category: str) -> TypeDescription:
        maker = self.text("manufacturer", 255, required=True)
        model = self.text("model", 255, required=True)
        slug = self.slug(maker, model)
        ports = self.ports()
        supplies = self.supplies()
        rated = self.number("rated_w")
        if rated is None:
            rated = sum(supply.maximum_w for supply in supplies)
        found = TypeDescription(
            manufacturer=maker,
            model=model,
            slug=slug,
            height=self.height(),
            full_depth=self.flag("is_full_depth", True),
            half_width=self.flag("half_width", False),
            part_number=self.text("part_number", 64),
            category=self.category(category),
            airflow=self.airflow(),
            weight_g=self.weight(),
            width_mm=self.number("width_mm"),
            depth_mm=self.number("depth_mm"),
            rated_w=rated,
            typical_w=self.number("typical_w"),
            source=self.text("source", 255),
            ports=ports,
            supplies=supplies,
        )
        self.name_what_is_left_out()
        return found

    def refuse(self, place: str, line: int, message: str, **places: object) -> None:
        self.problems.append(Problem(place, message, places, line))

    def remark(self, place: str, line: int, message: str, **places: object) -> None:
        self.remarks.append(Problem(place, message, places, line))

    def take(self, key: str) -> Node | None:
        """The node of a word; None where it is absent or nothing was written."""
        self.used.add(key)
        node = (self.tree.words or {}).get(key)
        return None if node is None or (node.is_text and node.text is None) else node

    def scalar(self, key: str, parse: Callable[[str], T], message: str) -> T | None:
        node = self.take(key)
        if node is None:
            return None
        try:
            if node.text is not None:
                return parse(node.text.strip())
        except (ValueError, InvalidOperation):
            pass
        self.refuse(key, node.line, message)
        return None

    def text(self, key: str, longest: int, *, required: bool = False) -> str:
        node = self.take(key)
        if node is None:
            if required:
                self.refuse(key, 0, mark("This is missing."))
            return ""
        return _judge_text(self, key, node, longest)

    def number(self, key: str) -> int | None:
        return self.scalar(key, _whole, mark("A whole number is needed here."))

    def flag(self, key: str, default: bool) -> bool:
        found = self.scalar(key, _flag, mark("Yes or no."))
        return default if found is None else found

    def slug(self, maker: str, model: str) -> str:
        own = self.text("slug", 100)
        if own and len(own) <= LONGEST and re.fullmatch(r"[-a-z0-9_]+", own):
            return own
        made = make_slug(maker, model)
        if own:
            line = self.tree.words["slug"].line if self.tree.words else 0
            self.remark("slug", line, mark("The slug can't be kept; %(slug)s stands for it."),
                        slug=made)  # fmt: skip
        return made

    def height(self) -> int:
        node = self.take("u_height")
        if node is None:
            self.refuse("u_height", 0, mark("This is missing."))
            return 0
        return self.scalar("u_height", _half_units, mark("Whole and half U only: 1 or 1.5.")) or 0

    def weight(self) -> int:
        number = self.scalar("weight", _decimal, mark("A number is needed here."))
        unit = self.text("weight_unit", 8)
        if number is None:
            return 0
        if unit not in GRAMS:
            self.refuse("weight_unit", 0, mark("Not one of the choices: %(choices)s."),
                        choices=", ".join(GRAMS))  # fmt: skip
            return 0
        return round(number * GRAMS[unit])

    def airflow(self) -> str:
        node = self.take("airflow")
        if node is None:
            return ""
        text = _judge_text(self, "airflow", node, 64)
        if text in AIRFLOWS:
            return text
        self.remark("airflow", node.line, mark("Airflow %(value)s is not kept."), value=text)
        return ""

    def category(self, given: str) -> str:
        own = self.text("category", 64)
        if own in CATEGORIES:
            return own
        if own:
            self.refuse("category", 0, mark("Not one of the choices: %(choices)s."),
                        choices=", ".join(CATEGORIES))  # fmt: skip
        if given:
            return given
        words = self.tree.words or {}
        if "power-outlets" in words:
            return "pdu"
        if "device-bays" in words:
            return "chassis"
        if "front-ports" in words and "power-ports" not in words and "interfaces" not in words:
            return "panel"
        return "other"

    def entries(self, key: str, known: set[str]) -> list[dict[str, Node]]:
        """The mappings of a list, each with a name; the rest is refused."""
        node = self.take(key)
        if node is None:
            return []
        if node.entries is None:
            self.refuse(key, node.line, mark("A list is needed here."))
            return []
        found = []
        others: set[str] = set()
        for entry in node.entries:
            name = (entry.words or {}).get("name")
            if entry.words is None or name is None or not (name.text or "").strip():
                self.refuse(key, entry.line, mark("Each of them needs a name."))
                continue
            others |= entry.words.keys() - known
            found.append(entry.words)
        if others:
            self.remark(key, node.line, mark("Of each, %(words)s is not kept."),
                        words=", ".join(sorted(others)))  # fmt: skip
        return found

    def ports(self) -> tuple[PortLine, ...]:
        ports: list[PortLine] = []
        for words in self.entries("interfaces", PORT_WORDS):
            form = _of(self, "interfaces", words, "type", 64) or "other"
            mgmt = words.get("mgmt_only")
            only = bool(mgmt and mgmt.text and mgmt.text.casefold() in YES)
            name = _of(self, "interfaces", words, "name", 255)
            ports += [PortLine(one, form, speed_of(form), only) for one in _expand(name)]
        return tuple(ports)

    def supplies(self) -> tuple[SupplyLine, ...]:
        supplies = []
        for words in self.entries("power-ports", SUPPLY_WORDS):
            form = _of(self, "power-ports", words, "type", 64)
            draws: dict[str, int | None] = {}
            for key in ("maximum_draw", "allocated_draw"):
                node = words.get(key)
                draws[key] = None
                if node is None or (node.is_text and node.text is None):
                    continue
                try:
                    draws[key] = _whole((node.text or "").strip())
                except (ValueError, InvalidOperation):
                    self.refuse("power-ports", node.line, mark("A whole number is needed here."))
            supplies.append(
                SupplyLine(
                    _of(self, "power-ports", words, "name", 255),
                    CONNECTORS.get(form, form),
                    draws["maximum_draw"] or 0,
                    draws["allocated_draw"],
                )
            )
        return tuple(supplies)

    def name_what_is_left_out(self) -> None:
        for key, node in (self.tree.words or {}).items():
            if key in self.used:
                continue
            if key in LEFT_OUT_LISTS:
                self.remark(key, node.line, mark("%(count)s of %(what)s are not kept."),
                            count=len(node.entries or ()), what=key)  # fmt: skip
            elif key in LEFT_OUT_WORDS:
                self.remark(key, node.line, mark("%(what)s is not kept."), what=key)
            else:
                self.remark(key, node.line, mark("%(what)s is no word of the format."), what=key)


def _judge_text(reader: _Reader, key: str, node: Node, longest: int) -> str:
    if node.text is None:
        reader.refuse(key, node.line, mark("This must be text."))
        return ""
    text = node.text.strip()
    if UNWRITABLE.search(text) or "\n" in text or "\t" in text:
        reader.refuse(key, node.line, mark("Control characters can't be accepted."))
        return ""
    if len(text) > longest:
        reader.refuse(key, node.line, mark("At most %(count)s characters."), count=longest)
        return ""
    return text


def _of(reader: _Reader, place: str, words: dict[str, Node], key: str, longest: int) -> str:
    node = words.get(key)
    if node is None or (node.is_text and node.text is None):
        return ""
    return _judge_text(reader, place, node, longest)


def _expand(name: str) -> list[str]:
    """The names a range stands for; one more than a device can have is enough to be refused."""
    found = RANGE.search(name)
    if not found or int(found[1]) > int(found[2]):
        return [name]
    numbers = range(int(found[1]), min(int(found[2]), int(found[1]) + MOST_PORTS) + 1)
    return [f"{name[: found.start()]}{number}{name[found.end() :]}" for number in numbers]


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or abs(number) > 10**9:
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    number = _decimal(text)
    if number % 1:
        raise ValueError(text)
    return int(number)


def _half_units(text: str) -> int:
    return _whole(str(_decimal(text) * 2))


def _flag(text: str) -> bool:
    word = text.casefold()
    if word not in YES | NO:
        raise ValueError(text)
    return word in YES
