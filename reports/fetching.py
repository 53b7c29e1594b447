"""A URL fetcher for WeasyPrint that fetches nothing. Imports weasyprint: import it lazily."""

from collections.abc import Mapping
from typing import Any

from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse


class DenyingFetcher(URLFetcher):  # type: ignore[misc]
    """Refuses every address, data: and file: included, and remembers what was asked for.

    The error is WeasyPrint's fatal one, so a template that reaches outside fails the job instead
    of leaving a hole in the page. (For SVG <image> WeasyPrint swallows it; nothing is read then.)
    `drawn` are SVG images of our own making, by the address they are asked for under.
    """

    def __init__(self, drawn: Mapping[str, bytes] | None = None) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False, fail_on_errors=True)
        self.refused: list[str] = []
        self.drawn = drawn or {}

    def fetch(self, url: str, headers: object = None) -> Any:
        del headers
        if url in self.drawn:
            return URLFetcherResponse(url, self.drawn[url], {"Content-Type": "image/svg+xml"})
        self.refused.append(url[:200])
        raise FatalURLFetchingError(f"a statement fetches nothing: {url[:200]}")
