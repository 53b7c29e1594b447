"""Prometheus' snmp_exporter, where it is installed: set up for the port plan, scraped, its CPU."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcim.snmp.wire.ber import format_oid
from dcim.snmp.wire.if_mib import SYS_UPTIME
from dcim.snmp.wire.port_plan import PORT_PLAN, PortColumn

NAMES = ("snmp_exporter", "prometheus-snmp-exporter")


def find() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def _version(program: str) -> tuple[int, int]:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _settings(community: str, repetitions: int, old: bool) -> str:
    """Its settings as JSON, which is YAML as well; since 0.23 communities stand apart."""
    metrics = [
        {
            "name": which.name.lower(),
            "oid": format_oid(PORT_PLAN[which].oid),
            "type": "gauge",
            "help": "-",
            "indexes": [{"labelname": "ifIndex", "type": "gauge"}],
        }
        for which in PortColumn
    ]
    uptime = format_oid(SYS_UPTIME)
    metrics.append({"name": "uptime", "oid": uptime[:-2], "type": "gauge", "help": "-"})
    ports: dict[str, object] = {
        "walk": [format_oid(column.oid) for column in PORT_PLAN],
        "get": [uptime],
        "metrics": metrics,
        "max_repetitions": repetitions,
        "timeout": "5s",
    }
    if old:
        ports |= {"version": 2, "auth": {"community": community}}
        return json.dumps({"ports": ports})
    auths = {"plain": {"community": community, "version": 2}}
    return json.dumps({"auths": auths, "modules": {"ports": ports}})


class Exporter:
    """A running snmp_exporter."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self._base = f"http://127.0.0.1:{port}"

    def scrape(self, agent: str) -> int:
        """Let it read an agent (`address:port`); the number of values it tells of the plan."""
        url = f"{self._base}/snmp?module=ports&auth=plain&target={agent}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own process
            text = answer.read().decode()
        names = "|".join([*(which.name.lower() for which in PortColumn), "uptime"])
        return len(re.findall(rf"^(?:{names})[ {{]", text, re.MULTILINE))

    def cpu_s(self) -> float:
        """CPU seconds of its process, user and system, since its start."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait(self) -> None:
        for _ in range(200):
            try:
                with urllib.request.urlopen(self._base, timeout=1):  # noqa: S310
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("snmp_exporter doesn't start")


@contextmanager
def running(program: str, community: str, repetitions: int) -> Iterator[Exporter]:
    """Run the exporter on the cores this process keeps to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snmp.yml"
        old = _version(program) < (0, 23)
        file.write_text(_settings(community, repetitions, old), encoding="utf-8")
        command = [program, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}"]
        with subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GOMAXPROCS": str(len(os.sched_getaffinity(0)))},
        ) as process:
            try:
                exporter = Exporter(process.pid, port)
                exporter.wait()
                yield exporter
            finally:
                process.terminate()
