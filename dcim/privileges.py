"""The unprivileged account PostgreSQL runs as when Jifang is started by root."""

import errno
import fcntl
import os
import pwd
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_NAME = "jifang"

# Layout of the extended attribute system.posix_acl_access: linux/posix_acl_xattr.h.
_ACL_ATTRIBUTE = "system.posix_acl_access"
_ACL_VERSION = 2
_ACL_HEADER = struct.Struct("<I")
_ACL_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_SEARCH = 0x1


class PrivilegeError(RuntimeError):
    """The server cannot run safely as another user; the text says what to do."""


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int
    name: str


def account_of(path: Path) -> Account:
    """Who owns `path`."""
    status = path.stat()
    try:
        name = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        name = str(status.st_uid)
    return Account(status.st_uid, status.st_gid, name)


def database_account() -> Account | None:
    """The account to drop to, or None when we are not root. Created when absent: initdb demands
    that its user has a name, so a bare number would not do."""
    if os.geteuid() != 0:
        return None
    # One at a time: of two useradd at once the later one gives the account another number.
    with Path("/etc/passwd").open("rb") as accounts:
        fcntl.flock(accounts, fcntl.LOCK_EX)
        try:
            entry = pwd.getpwnam(ACCOUNT_NAME)
        except KeyError:
            _create_account()
            entry = pwd.getpwnam(ACCOUNT_NAME)
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _create_account() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    advice = (
        f"PostgreSQL refuses to run as root; its account '{ACCOUNT_NAME}' cannot be created{{}}.\n"
        f"Create it (useradd --system {ACCOUNT_NAME}) or start Jifang as an ordinary user."
    )
    if useradd is None:
        raise PrivilegeError(advice.format(": there is no useradd"))
    line = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    done = subprocess.run(  # noqa: S603  fixed words only
        [*line, "--shell", "/usr/sbin/nologin", ACCOUNT_NAME],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PrivilegeError(advice.format(": " + done.stderr.strip()))


def allow_search(path: Path, account: Account) -> list[Path]:
    """Let `account` pass through every directory above `path`, and nothing more.

    Where the mode bits do not allow it already (a checkout under /root, say) an access control
    entry `account: --x` is added: it opens the directory to nobody else. Returns what was changed.
    """
    changed = []
    for directory in reversed(path.resolve().parents):
        status = directory.stat()
        if status.st_uid == account.uid:
            searchable = status.st_mode & stat.S_IXUSR
        elif status.st_gid == account.gid:
            searchable = status.st_mode & stat.S_IXGRP
        else:
            searchable = status.st_mode & stat.S_IXOTH
        if searchable:
            continue
        try:
            if _grant_search(directory, account.uid, status.st_mode):
                changed.append(directory)
        except (OSError, AttributeError) as error:
            raise PrivilegeError(
                f"PostgreSQL runs as '{account.name}' and may not pass {directory} ({error}).\n"
                f"Allow it (chmod o+x '{directory}'), or put the data directory and the checkout "
                "elsewhere, or start Jifang as an ordinary user."
            ) from error
    return changed


def _grant_search(directory: Path, uid: int, mode: int) -> bool:
    try:
        raw = os.getxattr(directory, _ACL_ATTRIBUTE)
        entries = {
            (tag, number): permission
            for tag, permission, number in _ACL_ENTRY.iter_unpack(raw[_ACL_HEADER.size :])
        }
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        entries = {
            (_USER_OBJ, _NO_ID): mode >> 6 & 7,
            (_GROUP_OBJ, _NO_ID): mode >> 3 & 7,
            (_OTHER, _NO_ID): mode & 7,
        }
    mask = entries.get((_MASK, _NO_ID), entries[_GROUP_OBJ, _NO_ID])
    if entries.get((_USER, uid), 0) & mask & _SEARCH:
        return False
    entries[_USER, uid] = entries.get((_USER, uid), 0) | _SEARCH
    entries[_MASK, _NO_ID] = mask | _SEARCH
    ordered = sorted(entries.items())
    packed = b"".join(_ACL_ENTRY.pack(tag, perm, number) for (tag, number), perm in ordered)
    os.setxattr(directory, _ACL_ATTRIBUTE, _ACL_HEADER.pack(_ACL_VERSION) + packed)
    return True
