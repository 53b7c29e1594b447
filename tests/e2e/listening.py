"""A web server in this process, for a browser."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Any

from flask import Flask
from werkzeug.serving import make_server


@contextmanager
def listening(app: Flask) -> Iterator[str]:
    """Serve an application on a free port; its address."""

    def serve(environ: Any, start_response: Any) -> Iterable[bytes]:
        # A browser that goes on to the next page drops what it was loading; the server then lets
        # go of the body without closing it, and the file in it would be missed.
        body: Any = app(environ, start_response)
        with closing(body) if hasattr(body, "close") else nullcontext():
            yield from body

    server = make_server("127.0.0.1", 0, serve, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
