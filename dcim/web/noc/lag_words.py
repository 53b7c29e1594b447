"""How the state of a LAG looks."""

LAG_LOOKS = {"ok": "ok", "degraded": "warning", "down": "down", "unknown": "unknown"}
