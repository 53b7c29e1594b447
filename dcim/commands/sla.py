"""`dcim sla`: judge facts by terms from two files; check, say and compare terms. No instance."""

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from dcim.catalogues import say_in
from dcim.errors import Message, message_of
from dcim.sla.preset_terms import load_preset, preset_names
from dcim.sla.rules.files.facts import FactsRefusedError, load_facts, say_problem
from dcim.sla.rules.files.report import report_evaluation
from dcim.sla.rules.files.report_schema import report_schema
from dcim.sla.rules.files.report_words import say_report
from dcim.sla.rules.language.comparison import compare_clauses, compare_words
from dcim.sla.rules.language.loading import load_terms
from dcim.sla.rules.language.schema import make_schema
from dcim.sla.rules.language.tree import LONGEST_TEXT, Problem, TermsRefusedError, parse_text
from dcim.sla.rules.language.versions import Version, begins_within, join_versions
from dcim.sla.rules.language.words import clause_words
from dcim.sla.rules.terms import Terms

PRESET = "preset:"
LONGEST_TABLE = 20_000_000
IN_TABLES = Message("Put what was measured into CSV files beside it and name them by `samples`.")
LANGUAGE = click.option(
    "--language", type=click.Choice(["zh", "en"]), default="en", show_default=True
)


class BadInputError(click.ClickException):
    """What was given can't be used; exit code 2, as for a mistyped option. Said in the command's
    --language."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(say_in(click.get_current_context().params["language"], message))


class TooLongError(ValueError):
    """A file that is larger than may be read."""


@click.group()
def sla() -> None:
    """What if: judge facts by terms, both from files. Needs no database and no instance."""


@sla.command("evaluate")
@click.option("--terms", "terms_file", help="The terms' file, or preset:NAME.")
@click.option(
    "--later",
    "later",
    metavar="DAY=FILE",
    multiple=True,
    help="Terms that hold from a day of the month on, like 2026-10-15=new.yaml; may be repeated.",
)
@click.option("--facts", "facts_file", help="The facts' file (docs/sla-files.md).")
@click.option("--period", help="Like 2026-10. Default: the one the facts' file names.")
@click.option("--provisional", is_flag=True, help="Judge a month that is still open, so far.")
@click.option("--json", "as_json", is_flag=True, help="One document for programs.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --json and do nothing else.")
@LANGUAGE
def evaluate(
    terms_file: str | None,
    later: tuple[str, ...],
    facts_file: str | None,
    period: str | None,
    provisional: bool,
    as_json: bool,
    schema: bool,
    language: str,
) -> None:
    """Verdicts, credits, rights and usage of one month, every step explained.

    Exit code 0: met. 1: breached, credits are due. 2: bad input, nothing was judged. 3: a person
    must decide something first. 4: missed, but unpriced or not eligible. Of several the first of
    1, 3, 4, 0 counts.
    """
    if schema:
        print_json(report_schema())
        return
    if terms_file is None or facts_file is None:
        both = Message("Say both: --terms FILE and --facts FILE.")
        raise click.UsageError(say_in(language, both))
    terms = _join(_terms(terms_file), later)
    try:
        facts = load_facts(
            _read(Path(facts_file), IN_TABLES),
            terms,
            label=period,
            now=time.time_ns() // 1_000_000,
            provisional=provisional,
            beside=_reader_beside(Path(facts_file)),
        )
        for change in terms.changes[1:]:
            if not begins_within(date.fromisoformat(change.since), facts.label):
                raise BadInputError(
                    Message(
                        "--later %(day)s: terms change within %(month)s from its 2nd day on.",
                        day=change.since,
                        month=facts.label,
                    )
                )
        report = report_evaluation(terms, facts)
    except FactsRefusedError as error:
        raise _refused(facts_file, error.problems, "facts") from error
    except ValueError as error:
        raise BadInputError(
            Message(
                "%(facts)s and %(terms)s don't fit: %(why)s",
                facts=facts_file,
                terms=terms_file,
                why=message_of(error),
            )
        ) from error
    for warning in report["warnings"]["facts"]:
        warning["message"] = say_in(language, warning["message"])
    if as_json:
        print_json(report)
    else:
        click.echo("\n".join(say_report(report, language)))
    raise SystemExit(report["exit_code"])


@sla.command("check")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True)
@LANGUAGE
def check(file: str, as_json: bool, language: str) -> None:
    """Every problem and warning of the terms in FILE, their hash, and how they read.

    Exit code 0: they can be used, with or without warnings. 2: they are refused.
    """
    try:
        terms = load_terms(_text_of(file))
    except TermsRefusedError as error:
        if as_json:
            told = [_problem(each, language) for each in error.problems]
            print_json({"usable": False, "problems": told})
            raise SystemExit(2) from error
        raise _refused(file, error.problems, "terms") from error
    if as_json:
        print_json(
            {
                "usable": True,
                "problems": [],
                "warnings": list(terms.warnings),
                "sha256": terms.sha256,
                "clauses": clause_words(terms),
            }
        )
        return
    head = f"{terms.title[language]} ({terms.name} v{terms.version})"
    click.echo(say_in(language, Message("%(terms)s can be used.", terms=head)))
    click.echo(f"SHA-256 {terms.sha256}")
    for warning in terms.warnings:
        click.echo(say_in(language, Message("Warning: %(said)s", said=warning)))
    click.echo("")
    click.echo("\n".join(_clauses(terms, language)))


@sla.command("say")
@click.argument("file")
@LANGUAGE
def say(file: str, language: str) -> None:
    """The terms in FILE (or preset:NAME) as clauses in words."""
    click.echo("\n".join(_clauses(_terms(file), language)))


@sla.command("compare")
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True)
@LANGUAGE
def compare(old: str, new: str, as_json: bool, language: str) -> None:
    """What changed from the terms in OLD to those in NEW, word by word and as clauses.

    Exit code 0: they say the same. 1: they differ. 2: one of them can't be used.
    """
    before, after = _terms(old), _terms(new)
    changes = list(compare_words(parse_text(_text_of(old)), parse_text(_text_of(new))))
    clauses = compare_clauses(before, after)
    if as_json:
        print_json(
            {
                "words": [vars(change) for change in changes],
                "clauses": [vars(clause) for clause in clauses],
            }
        )
        raise SystemExit(bool(changes))
    if not changes:
        click.echo("Both say the same (comments, layout and the order of words don't count).")
        return
    for change in changes:
        if change.old is None:
            click.echo(f"{change.place}: new: {change.new}")
        elif change.new is None:
            click.echo(f"{change.place}: gone, was: {change.old}")
        else:
            click.echo(f"{change.place}: {change.old}  ->  {change.new}")
    for clause in clauses:
        click.echo("")
        if clause.old is not None:
            click.echo(f"- {clause.old[language]}")
        if clause.new is not None:
            click.echo(f"+ {clause.new[language]}")
    raise SystemExit(1)


@sla.command("presets")
@click.argument("name", required=False)
@LANGUAGE
def presets(name: str | None, language: str) -> None:
    """Terms to start from: list them, or print NAME to redirect it into a file of your own."""
    if name is None:
        for each in preset_names():
            click.echo(f"{each:<24} {load_preset(each).terms.title[language]}")
        return
    click.echo(_text_of(PRESET + name), nl=False)


@sla.command("schema")
def schema() -> None:
    """The JSON Schema of the terms language, for editors that check while you type."""
    print_json(make_schema())


def print_json(value: object) -> None:
    # dcim.commands.output would bring the database's modules with it.
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _read(path: Path, too_long: str = "") -> str:
    """The text of a file of terms or facts; `too_long` is the way out where it is too long."""
    try:
        return _decode(path, 4 * LONGEST_TEXT)
    except TooLongError as error:
        raise BadInputError(
            Message("%(why)s %(way_out)s", why=error.args[0], way_out=too_long)
            if too_long
            else message_of(error)
        ) from error
    except ValueError as error:
        raise BadInputError(message_of(error)) from error


def _decode(path: Path, longest: int) -> str:
    """ValueError for what is no file of UTF-8 text, TooLongError beyond so many bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(longest + 1)
    except FileNotFoundError as error:
        raise ValueError(Message("There is no file %(file)s.", file=path)) from error
    except OSError as error:
        raise ValueError(
            Message("%(file)s can't be read: %(why)s.", file=path, why=error.strerror)
        ) from error
    if len(content) > longest:
        raise TooLongError(
            Message("%(file)s is longer than %(count)s bytes.", file=path, count=longest)
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            Message(
                "%(file)s is not UTF-8 text (byte %(byte)s); save it as UTF-8.",
                file=path,
                byte=error.start + 1,
            )
        ) from error


def _reader_beside(facts_file: Path) -> Callable[[str], str]:
    """Files of samples lie in the facts file's folder, or below it."""
    folder = facts_file.resolve().parent

    def read(name: str) -> str:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise ValueError(Message("lies outside the folder of the facts file; put it beside it"))
        return _decode(path, LONGEST_TABLE)

    return read


def _text_of(file: str) -> str:
    if not file.startswith(PRESET):
        return _read(Path(file))
    name = file.removeprefix(PRESET)
    try:
        return load_preset(name).text
    except KeyError as error:
        known = ", ".join(preset_names())
        raise BadInputError(
            Message("There is no preset %(name)r; there are %(known)s.", name=name, known=known)
        ) from error


def _terms(file: str) -> Terms:
    try:
        return load_terms(_text_of(file))
    except TermsRefusedError as error:
        raise _refused(file, error.problems, "terms") from error


def _join(first: Terms, later: tuple[str, ...]) -> Terms:
    versions = []
    for each in later:
        day, _, file = each.partition("=")
        try:
            since = date.fromisoformat(day)
        except ValueError as error:
            raise BadInputError(
                Message("--later %(text)s: write it like 2026-10-15=new.yaml.", text=each)
            ) from error
        versions.append(Version(since, _terms(file)))
    try:
        return join_versions(first, versions)
    except TermsRefusedError as error:
        raise _refused("--later", error.problems, "terms") from error


def _refused(file: str, problems: list[Problem], whole: str) -> BadInputError:
    language = click.get_current_context().params["language"]
    said = [say_in(language, say_problem(problem, whole)) for problem in problems]
    head = say_in(language, Message("%(file)s can't be used:", file=file))
    return BadInputError("\n  ".join([head, *said]))


def _problem(problem: Problem, language: str) -> dict[str, Any]:
    return {
        "place": problem.place or "terms",
        "line": problem.line,
        "message": say_in(language, problem.message),
        "choices": list(problem.choices),
    }


def _clauses(terms: Terms, language: str) -> list[str]:
    lines = [f"{terms.title[language]} ({terms.name} v{terms.version})"]
    for part in clause_words(terms):
        title, text = part["title"], part["text"]
        assert isinstance(title, dict) and isinstance(text, dict)  # noqa: S101, PT018
        lines += ["", title[language], f"  {text[language]}"]
    return lines
