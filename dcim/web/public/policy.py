"""What anybody may call."""

from dcim.http.policy import PUBLIC, Access

PUBLIC_POLICY: dict[str, Access] = {
    "public.verify": PUBLIC,
    # By a link of its own: a mail program can't sign in.
    "public.unsubscribe": PUBLIC,
}
