"""What anybody may call."""

from dcim.web.policy import PUBLIC, Access

PUBLIC_POLICY: dict[str, Access] = {"public.verify": PUBLIC}
