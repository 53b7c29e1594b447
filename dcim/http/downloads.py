"""Files too large to be held in memory, sent in parts from where they lie."""

from flask import Response
from werkzeug.wsgi import FileWrapper

from dcim.statements.sample_files import OpenedSamples

CHUNK = 1 << 20


def send_samples(opened: OpenedSamples) -> Response:
    """As a download; the file is closed when it is sent or the client is gone."""
    return Response(
        FileWrapper(opened.file, CHUNK),
        mimetype="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{opened.name}"',
            "Content-Length": str(opened.size),
        },
        direct_passthrough=True,
    )
