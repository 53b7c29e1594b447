"""A web server in this process, for a browser."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from typing import Any, TypeAlias

from flask import Flask
from werkzeug.serving import make_server

Answer: TypeAlias = tuple[Mapping[str, str], bytes]  # headers and content


@contextmanager
def listening(app: Flask, beside: Mapping[str, Answer] | None = None) -> Iterator[str]:
    """Serve an application on a free port; its address. `beside`: what the tests add, by path."""
    added = beside or {}

    def serve(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] in added:
            headers, content = added[environ["PATH_INFO"]]
            start_response("200 OK", list(headers.items()))
            yield content
            return
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
