"""Pages for anybody, without signing in."""

from flask import Blueprint

public = Blueprint("public", __name__)
