"""From what is frozen to the unsigned PDF: no database, no disk, the same bytes each time."""

import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dcim.statements.attachments import attachments_of

if TYPE_CHECKING:
    from reports.attachments import Attachment
    from reports.marking import Mark


def attach(inputs: dict[str, Any], language: str) -> list["Attachment"]:
    """The inputs as the files that travel in the PDF, told in the statement's language."""
    from reports.attachments import Attachment

    return [
        Attachment(file.name, file.content, file.media_type, file.what[language])
        for file in attachments_of(inputs)
    ]


def print_statement(
    document: Mapping[str, Any], packed: bytes, mark: "Mark | None" = None, *, draft: bool = False
) -> bytes:
    """The unsigned PDF of a statement's document and its inputs (as `pack_inputs` packs them); with
    a `mark` a copy for somebody, as a `draft` marked as one.

    Raises reports.render.RenderingError, reports.attachments.AttachmentError.
    """
    from reports.render import render

    inputs: dict[str, Any] = json.loads(zlib.decompress(packed))
    return render(document, attach(inputs, document["language"]), mark, draft=draft)
