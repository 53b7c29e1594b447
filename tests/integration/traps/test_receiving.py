"""From the wire to the table, with the processes that do it for real."""

from tests.agents.trap_sender import V3Sender, open_at, v1, v2c
from tests.integration.traps.conftest import USER, TrapHouse


def test_traps_of_all_versions_are_kept_with_what_they_mean(house: TrapHouse) -> None:
    with (
        house.receiving() as receiver,
        open_at("127.0.9.1") as plain,
        open_at("127.0.9.100") as secure,
    ):
        plain.sendto(v1(), receiver.address)
        plain.sendto(v2c(), receiver.address)
        secure.sendto(V3Sender(USER).trap(), receiver.address)
        house.wait_for(lambda: house.count() == 3)
    rows = house.query(
        "SELECT t.version, t.oid, t.source, t.alarm_class, t.severity, t.rule, d.name"
        " FROM trap t JOIN device d ON d.id = t.device_id ORDER BY t.version"
    )
    assert [tuple(row) for row in rows] == [
        ("1", "1.3.6.1.4.1.318.0.5", "127.0.9.1", "power", "critical", "profile apc_ups",
         "device-127.0.9.1"),
        ("2c", "1.3.6.1.6.3.1.1.5.3", "127.0.9.1", "network", "warning", "profile generic",
         "device-127.0.9.1"),
        ("3", "1.3.6.1.6.3.1.1.5.3", "127.0.9.100", "network", "warning", "profile generic",
         "first"),
    ]  # fmt: skip
    assert house.drops() == {}
