"""The entry for WSGI servers: gunicorn wsgi:app."""

from dcim.app import serve

app = serve()
