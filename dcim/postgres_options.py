"""Settings of the embedded PostgreSQL, in part after the machine's memory."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MIB = 1024 * 1024
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",  # a week's files, each overwritten after seven days
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_statement": "none",
    # Many small questions at once, hardly ever a large one alone: a second process for one of them
    # takes the core from another, and compiling its plan takes longer than answering it.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}


def suit_machine(memory: int) -> dict[str, str]:
    """All settings for a machine with so many bytes of memory, which it shares with the rest of
    the instance: an eighth for the server's own pages, of 128 MiB to 2 GiB."""
    own = min(max(memory // 8, 128 * MIB), 2048 * MIB)
    return {
        **SETTINGS,
        "shared_buffers": f"{own // MIB}MB",
        "effective_cache_size": f"{max(memory // 2, 256 * MIB) // MIB}MB",
    }


def read_memory() -> int:
    """Bytes this process may hope for: the machine's, or its container's where that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        memory = min(memory, int(CONTAINER_LIMIT.read_text()))
    return memory
