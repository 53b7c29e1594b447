"""The main job in one walk: from a started instance to a statement the customer verifies."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import create_engine, text

from dcim.postgres import EmbeddedServer
from tests.e2e.running import Running, run_instance
from tests.e2e.test_components import browser, watch  # noqa: F401 - the fixture

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NEW_PASSWORD = "quite-a-long-passphrase-7"
WIDTHS = (1440, 390)
# Kinds of process, by words of their command lines, in the order they are killed in: the worker
# last, as the clock takes back at its start what a worker has dropped.
KINDS = ("gunicorn", "clock", "worker --polling")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_instance(tmp_path_factory.mktemp("instance") / "data") as running:
        yield running
    # Ctrl-C stops everything it started.
    assert running.process.returncode == 0
    assert not running.pids("dcim.cli")
    assert not running.pids("gunicorn")


@pytest.fixture(scope="module")
def sign_in(browser: Browser, instance: Running) -> Iterator[Callable[[str], BrowserContext]]:  # noqa: F811
    """A signed-in browser for a title; the first sign-in changes the one-time password."""
    contexts: dict[str, BrowserContext] = {}

    def open_for(title: str) -> BrowserContext:
        name, (email, password) = next(
            (name, login) for name, login in instance.logins.items() if name.startswith(title)
        )
        if name not in contexts:
            context = browser.new_context(base_url=instance.base_url, locale="zh-CN")
            page = context.new_page()
            page.goto("/")
            page.fill("input[name=email]", email)
            page.fill("input[name=password]", password)
            # Both pages ask for a password.
            with page.expect_navigation():
                page.click("[type=submit]")
            page.fill("input[name=password]", password)
            page.fill("input[name=new_password]", NEW_PASSWORD)
            page.fill("input[name=new_password_confirm]", NEW_PASSWORD)
            page.click("main [type=submit]")
            page.wait_for_url(lambda url: not url.endswith("/change"))
            page.close()
            contexts[name] = context
        return contexts[name]

    yield open_for
    for context in contexts.values():
        context.close()


def visit(context: BrowserContext, path: str) -> Page:
    """The page in both widths, themes and languages: no error, no violation, no sideways scroll."""
    page = context.new_page()
    complaints = watch(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for language in ("en", "zh"):
                mark = "&" if "?" in path else "?"
                answer = page.goto(f"{path}{mark}lang={language}")
                assert answer is not None
                assert answer.status == 200, (path, answer.status)
                assert page.locator("html").get_attribute("lang") in {"en", "zh-CN"}
                overflow = page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert overflow <= 0, (path, width, overflow)
    assert complaints == []
    return page


def query(instance: Running, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(EmbeddedServer(instance.data).owner_url)
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('jifang.staff', 'yes', true)"))
        rows = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return rows


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(1)


def newest_sample(instance: Running) -> int:
    """Of the past that was loaded, until the first poll is kept; from then on of polls."""
    newest = query(
        instance,
        "SELECT greatest((SELECT max(ts) FROM port_frame), (SELECT max(ts) FROM traffic_hot))",
    )
    return int(str(newest[0][0]))


@pytest.fixture(scope="module", autouse=True)
def loaded(instance: Running) -> int:
    """The newest sample when the walk begins."""
    return newest_sample(instance)


def sum_ledger(instance: Running) -> list[tuple[object, ...]]:
    return query(instance, "SELECT count(*), sum(amount) FROM ledger_entry")


def test_staff_find_a_cabinet_and_its_devices(
    instance: Running, sign_in: Callable[[str], BrowserContext]
) -> None:
    context = sign_in("IDC staff")
    page = visit(context, "/staff/")
    cabinet = query(
        instance,
        "SELECT r.cabinet_id FROM installation i JOIN rack r ON r.id = i.rack_id"
        " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
    )[0][0]
    page = visit(context, f"/staff/cabinets/{cabinet}")
    expect(page.locator("svg [class*=box], svg a").nth(5)).to_be_attached()
    for path in ("/staff/devices", "/staff/power", "/staff/customers", "/staff/statements"):
        visit(context, path)


def test_the_customer_downloads_and_verifies_the_statement(
    instance: Running, sign_in: Callable[[str], BrowserContext], tmp_path: Path
) -> None:
    context = sign_in("Customer")
    visit(context, "/portal/")
    visit(context, "/portal/cabinets")
    visit(context, "/portal/bandwidth")
    page = visit(context, "/portal/statements")
    with page.expect_download() as download:
        page.locator("a[href$='.pdf']").first.click()
    file = tmp_path / "statement.pdf"
    download.value.save_as(file)
    verdict = instance.dcim("statement", "verify", str(file), "--json")
    assert verdict.returncode == 3, verdict.stdout + verdict.stderr
    found = json.loads(verdict.stdout)
    fingerprint = found["signer"]["fingerprint"]
    trusted = instance.dcim("statement", "verify", str(file), "--trust", fingerprint)
    assert trusted.returncode == 0, trusted.stdout
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    assert instance.dcim("statement", "verify", str(file)).returncode == 4
    # The download is in the audit log.
    assert query(
        instance, "SELECT count(*) FROM audit_entry WHERE action = 'statement.download'"
    ) != [(0,)]


def test_a_customer_cannot_see_staff_or_others(
    instance: Running, sign_in: Callable[[str], BrowserContext]
) -> None:
    context = sign_in("Customer")
    own = query(
        instance,
        "SELECT customer_id FROM app_user WHERE customer_id IS NOT NULL LIMIT 1",
    )[0][0]
    foreign = query(instance, f"SELECT min(id) FROM statement WHERE customer_id <> {own}")[0][0]  # noqa: S608
    page = context.new_page()
    for path in ("/staff/", "/staff/audit", "/noc/", f"/portal/statements/{foreign}.pdf"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404, path


def test_the_noc_sees_ports_move(
    instance: Running, loaded: int, sign_in: Callable[[str], BrowserContext]
) -> None:
    page = visit(sign_in("NOC"), "/noc/")
    expect(page.locator("table tbody tr").nth(10)).to_be_attached()
    wait_for(lambda: newest_sample(instance) > loaded, 150, "the next poll")
    visit(sign_in("NOC"), "/noc/events")


@dataclass(frozen=True, slots=True)
class Killed:
    """What there was before the first process was killed, and the newest sample after the last had
    come back."""

    newest_before: int
    ledger_before: list[tuple[object, ...]]
    newest_after: int


@pytest.fixture(scope="module")
def killed(instance: Running) -> Killed:
    """Each kind of process is killed and comes back."""
    before, ledger = newest_sample(instance), sum_ledger(instance)
    for words in KINDS:
        kill(instance, words)
    return Killed(before, ledger, newest_sample(instance))


def kill(instance: Running, words: str) -> None:
    victims = set(instance.pids(words))
    assert victims
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: bool(set(instance.pids(words)) - victims), 60, f"{words} to be restarted")


@pytest.mark.usefixtures("killed")
def test_backup_of_the_running_instance_restores(instance: Running, tmp_path: Path) -> None:
    written = instance.dcim("backup", str(tmp_path / "backup"))
    assert written.returncode == 0, written.stderr
    archive = written.stdout.split()[0]
    restored = instance.dcim("restore", archive, str(tmp_path / "restored"))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert "audit chain whole" in restored.stdout
    assert "adds up" in restored.stdout


def test_net_snmp_agrees_with_our_probe(instance: Running) -> None:
    if shutil.which("snmpbulkwalk") is None:
        pytest.skip("net-snmp's snmpbulkwalk is not installed")
    demo = json.loads((instance.data / "demo.json").read_text())
    address = str(
        query(
            instance,
            "SELECT a.address || ':' || a.udp_port FROM snmp_agent a"
            " JOIN snmp_credential c ON c.id = a.credential_id JOIN device d ON d.id = a.device_id"
            " WHERE c.version = '2c' AND d.role = 'switch' ORDER BY a.id LIMIT 1",
        )[0][0]
    )
    probed = instance.dcim(
        "snmp", "probe", address, "--json", DCIM_SNMP_COMMUNITY=demo["community"]
    )
    assert probed.returncode == 0, probed.stderr
    ports = {str(p["if_index"]): p["name"] for p in json.loads(probed.stdout)["ports"]}
    walked = subprocess.run(
        ["snmpbulkwalk", "-v2c", "-c", demo["community"], "-On", "-Oq", address,
         "1.3.6.1.2.1.31.1.1.1.1"],
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout  # fmt: skip
    theirs = {
        line.split(" ", 1)[0].rsplit(".", 1)[1]: line.split(" ", 1)[1].strip('"')
        for line in walked.splitlines()
    }
    assert theirs == ports
    wrong = instance.dcim("snmp", "probe", address, "--timeout", "0.5", DCIM_SNMP_COMMUNITY="no")
    assert wrong.returncode == 1
    assert "community" in wrong.stderr


def test_after_kills_polling_goes_on_and_nothing_is_lost(instance: Running, killed: Killed) -> None:
    """Last: what comes before takes up the time to the next poll."""
    wait_for(lambda: newest_sample(instance) > killed.newest_after, 180, "polling to go on")
    # A frame's key is (device, ts): a double poll of one minute would show as a short distance.
    shortest = query(
        instance,
        "SELECT coalesce(min(apart), 60000) FROM (SELECT ts - lag(ts)"  # noqa: S608
        " OVER (PARTITION BY device_id ORDER BY ts) AS apart FROM port_frame"
        f" WHERE ts >= {killed.newest_before}) polls",
    )
    assert int(str(shortest[0][0])) > 20_000
    assert sum_ledger(instance) == killed.ledger_before
    assert query(
        instance,
        "SELECT count(*) FROM (SELECT contract_id, period, revision FROM statement"
        " GROUP BY 1, 2, 3 HAVING count(*) > 1) twice",
    ) == [(0,)]
    assert instance.dcim("audit", "verify").returncode == 0
