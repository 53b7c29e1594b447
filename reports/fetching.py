"""A URL fetcher for WeasyPrint that fetches nothing. Imports weasyprint: import it lazily."""

from typing import NoReturn

from weasyprint.urls import FatalURLFetchingError, URLFetcher


class DenyingFetcher(URLFetcher):  # type: ignore[misc]
    """Refuses every address, data: and file: included, and remembers what was asked for.

    The error is WeasyPrint's fatal one, so a template that reaches outside fails the job instead
    of leaving a hole in the page. (For SVG <image> WeasyPrint swallows it; nothing is read then.)
    """

    def __init__(self) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False, fail_on_errors=True)
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> NoReturn:
        del headers
        self.refused.append(url[:200])
        raise FatalURLFetchingError(f"a statement fetches nothing: {url[:200]}")
