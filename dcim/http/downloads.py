"""Files too large to be held in memory, sent in parts from where they lie."""

from flask import Response

from dcim.statements.sample_files import CheckedSamples


def send_samples(samples: CheckedSamples) -> Response:
    """As a download; the file is closed when it is sent or the client is gone."""
    return Response(
        samples.read_parts(),
        mimetype="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{samples.name}"',
            "Content-Length": str(samples.size),
        },
    )
