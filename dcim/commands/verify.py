"""`dcim statement verify`, and `jifang-verify` for a customer who installs nothing else of it.

Imports no database and no web; tests/statements/test_verifier_install.py names what it needs.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click

from dcim.errors import InvalidError, JifangError


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--trust",
    multiple=True,
    help="The signer's certificate (a file) or its SHA-256 fingerprint, as the operator tells it"
    " (dcim statement signer); may be repeated.",
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    help="The raw samples (NUMBER.samples.zip, from where the PDF is): also compute the bins anew.",
)
@click.option(
    "--successor",
    type=click.Path(path_type=Path),
    help="Another statement's PDF: says whether it is a revision that replaces FILE.",
)
@click.option("--language", type=click.Choice(["zh", "en"]), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def verify(
    file: Path,
    trust: tuple[str, ...],
    evidence: Path | None,
    successor: Path | None,
    language: str,
    as_json: bool,
) -> None:
    """Check FILE offline: signature, attachments, and every number, computed anew.

    Whether a newer revision replaces it isn't known offline, unless the successor is given. Needs
    no database and no instance. Exit code 0: proven and trusted; 3: sound, but nobody said that
    the signer is to be trusted; 9: replaced; others in docs/statement.md.
    """
    from dcim.statements.verifying import verify_file

    with ExitStack() as files:
        content = files.enter_context(_open(file)).read()
        later = None if successor is None else files.enter_context(_open(successor)).read()
        samples = None if evidence is None else files.enter_context(_open(evidence))
        verdict = verify_file(content, trust=trust, successor=later, evidence=samples)
    if as_json:
        click.echo(json.dumps(verdict.as_json(), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(verdict.words(language)))
    raise SystemExit(verdict.exit_code)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise InvalidError("There is no file %(file)s.", file=path) from error
    except OSError as error:
        raise InvalidError(
            "%(file)s can't be read: %(why)s.", file=path, why=error.strerror
        ) from error


def main() -> None:
    """The program `jifang-verify`: the same command alone."""
    try:
        verify(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (JifangError, click.Abort) as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
