"""What anybody may call."""

from dcim.http.policy import PUBLIC, Access

PUBLIC_POLICY: dict[str, Access] = {"public.verify": PUBLIC}
