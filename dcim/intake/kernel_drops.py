"""Datagrams that the kernel dropped at a socket whose buffer was full (proc(5), /proc/net/udp)."""

import os
import socket
from pathlib import Path


class KernelDrops:
    """Counts those of one UDP socket."""

    def __init__(self, udp: socket.socket) -> None:
        name = "udp6" if udp.family == socket.AF_INET6 else "udp"
        self._table = Path("/proc/net") / name
        self._inode = str(os.fstat(udp.fileno()).st_ino)
        self._seen = 0

    def take(self) -> int:
        """How many since this was last asked; 0 where the kernel doesn't say."""
        try:
            lines = self._table.read_text().splitlines()[1:]
        except OSError:
            return 0
        for line in lines:
            columns = line.split()
            if len(columns) > 12 and columns[9] == self._inode:
                drops = int(columns[12])
                new, self._seen = drops - self._seen, drops
                return max(0, new)
        return 0
