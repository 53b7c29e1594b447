"""All public pages, registered by being imported."""

from dcim.web.public import unsubscribing, verify
from dcim.web.public.blueprint import public

__all__ = ["public", "unsubscribing", "verify"]
