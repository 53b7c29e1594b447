"""Time stamps of RFC 3161 over HTTP (section 3.4). Imports pyhanko: import it lazily."""

import http.client
import urllib.error
import urllib.request
from typing import Any

from asn1crypto import tsp
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
GRANTED = ("granted", "granted_with_mods")
LONGEST = 1 << 20  # bytes of an answer; a token with its certificates has some thousand


class PostingStamper(TimeStamper):
    """Asks one service. TimestampRequestError says what was wrong with it or its answer."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.url, self.timeout_s = url, timeout_s

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> Any:
        query = urllib.request.Request(  # noqa: S310 - http or https, by the settings
            self.url, data=req.dump(), headers={"Content-Type": QUERY, "Accept": REPLY}
        )
        try:
            with urllib.request.urlopen(query, timeout=self.timeout_s) as answer:  # noqa: S310
                kind, content = answer.headers.get_content_type(), answer.read(LONGEST)
        except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError) as error:
            raise TimestampRequestError(f"{self.url}: {error}") from error
        if kind != REPLY:
            raise TimestampRequestError(f"{self.url} answered {kind}, not {REPLY}")
        said = tsp.TimeStampResp.load(content)
        if said["status"]["status"].native in GRANTED:
            token = said["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
            if token["message_imprint"].native != req["message_imprint"].native:
                raise TimestampRequestError(f"{self.url} stamped something else")
        return said
