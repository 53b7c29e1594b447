"""Response headers: a strict content policy, no sniffing, no framing, no caching of tenant data."""

from flask import Flask, Response, request

CONTENT_POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{key} {value}" for key, value in CONTENT_POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
YEAR_S = 31_536_000


def init_headers(app: Flask, *, https: bool) -> None:
    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if https:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR_S}")
        if request.endpoint == "static":
            response.headers["Cache-Control"] = "public, max-age=3600"
        elif request.endpoint == "portal.calendar_feed":
            # Kept by the one program that subscribed, which asks each time whether it is the same.
            response.headers["Cache-Control"] = "private, no-cache"
        else:
            # A page may hold a tenant's data: no shared cache and no back button after logout.
            response.headers["Cache-Control"] = "no-store"
            response.vary.add("Cookie")
        return response
