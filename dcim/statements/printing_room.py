"""Loaded by the server that the press forks from: what every rendering needs, read once."""

import dcim.statements.printing  # noqa: F401 - what the forked processes run
from reports.render import stylesheet

stylesheet()
