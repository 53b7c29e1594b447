"""The customer portal's blueprint; `dcim.web.portal.routes` brings its pages."""

from flask import Blueprint

portal = Blueprint("portal", __name__, url_prefix="/portal")
