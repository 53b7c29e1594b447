"""WeasyPrint reaches neither the network nor a file: every channel tried, against a control."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.fetching import DenyingFetcher

SECRET = b"secret-of-this-machine"
CHANNELS = {
    "image": '<img src="{url}">',
    "stylesheet": '<link rel="stylesheet" href="{url}">',
    "import": '<style>@import url("{url}");</style>',
    "font": '<style>@font-face {{ font-family: F; src: url("{url}") }} p {{ font-family: F }}'
    "</style><p>text</p>",
    "background": '<p style="background: url({url})">text</p>',
    "content": '<style>p::before {{ content: url("{url}") }}</style><p>text</p>',
    "list": '<ul style="list-style-image: url({url})"><li>text</li></ul>',
    "svg image": '<svg width="9" height="9"><image href="{url}" width="9" height="9"/></svg>',
    "svg use": '<svg width="9" height="9"><use href="{url}#a"/></svg>',
    "object": '<object data="{url}"></object>',
    "embed": '<embed src="{url}">',
    "attachment": '<link rel="attachment" href="{url}">',
    "link attachment": '<a rel="attachment" href="{url}">file</a>',
    "base": '<base href="{url}"><img src="x.png">',
}


class Listener(http.server.BaseHTTPRequestHandler):
    hits: list[str] = []  # noqa: RUF012 - shared on purpose

    def do_GET(self) -> None:
        self.hits.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_values: object) -> None:
        return


@pytest.fixture
def listener() -> Iterator[str]:
    Listener.hits.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/probe"
    server.shutdown()
    server.server_close()
    thread.join()


def drawn(markup: str, fetcher: object) -> bytes:
    """PDF bytes, or nothing when drawing was refused."""
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError

    try:
        pdf: bytes = HTML(string=markup, url_fetcher=fetcher).write_pdf(uncompressed_pdf=True)
    except FatalURLFetchingError:
        return b""
    return pdf


@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_is_fetched(listener: str, tmp_path: Path, channel: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_bytes(SECRET)
    for url in (listener, secret.as_uri()):
        fetcher = DenyingFetcher()
        pdf = drawn(CHANNELS[channel].format(url=url), fetcher)
        assert SECRET not in pdf
    assert Listener.hits == []


def test_control_an_ordinary_fetcher_fetches(listener: str, tmp_path: Path) -> None:
    from weasyprint.urls import URLFetcher

    secret = tmp_path / "secret.txt"
    secret.write_bytes(SECRET)
    drawn(CHANNELS["image"].format(url=listener), URLFetcher(timeout=2))
    assert Listener.hits
    assert SECRET in drawn(CHANNELS["attachment"].format(url=secret.as_uri()), URLFetcher())
