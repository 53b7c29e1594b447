"""Backup of a living database and its restore: complete, consistent, never from damaged files."""

import json
import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dcim import schema
from dcim.archive import BackupError, check_archive, open_archive, unpack, write_archive
from dcim.backup import Backup, backup, restore, verify
from dcim.customers.models import Customer
from dcim.escrow import read_key_file
from dcim.postgres import EmbeddedServer
from tests.servers import Database, fresh_database

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")

# Values that text forms get wrong, a table without key, one with a key in words.
ODD_TABLES = """
CREATE TABLE odd (
    word text PRIMARY KEY, note text, amount numeric(18, 4), raw bytea, at timestamptz, share float8
);
INSERT INTO odd VALUES
    ('机房', E'two\\nlines\\tand a \\\\ backslash', 123456789.0100, '\\x00ff0a5c', now(), 0.1),
    ('Zebra', NULL, -0.0001, '', '2026-10-31 16:00:00+00', 'infinity'),
    ('apple', '', NULL, NULL, 'infinity', 'nan'),
    (E'\\\\N', E'\\\\.', 0, NULL, NULL, NULL);
CREATE TABLE unkeyed (n int, t text);
INSERT INTO unkeyed SELECT mod(n, 7), md5(n::text) FROM generate_series(1, 500) n;
INSERT INTO unkeyed SELECT * FROM unkeyed LIMIT 3;
CREATE TABLE seen_pair (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, half int);
CREATE TABLE other_pair (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, half int);
"""
# Blocks of a table from before there were months, of two months, and of none.
BLOCKS = """
CREATE TABLE sample_block_before_18262
    (LIKE sample_block INCLUDING ALL, CONSTRAINT of_days CHECK (day < 18262));
ALTER TABLE sample_block ATTACH PARTITION sample_block_before_18262
    FOR VALUES FROM (MINVALUE) TO (18262);
SELECT make_sample_blocks(18262, 18300, false);
INSERT INTO sample_block
    (series_id, day, count, first_ms, last_ms, codec, revision, sha256, body)
    SELECT 1, day, 1, 1, 1, 2, 1, sha256(day::text::bytea), sha256(day::text::bytea)
    FROM unnest(ARRAY[17000, 18261, 18262, 18292, 18293, 19000]) AS day;
"""


def ask(url: str, statement: str, *, staff: bool = False) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if staff:
            connection.exec_driver_sql("SET jifang.staff = 'yes'")
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture(scope="module")
def source(server: EmbeddedServer) -> Iterator[Database]:
    """A migrated database with a customer, and odd tables of our own."""
    name = f"backup_source_{WORKER}"
    with fresh_database(server, name, template="jifang_template") as database:
        ask(database.admin_url, ODD_TABLES)
        ask(
            database.admin_url, "ALTER TABLE odd OWNER TO owner; ALTER TABLE unkeyed OWNER TO owner"
        )
        for table in ("seen_pair", "other_pair"):
            ask(database.admin_url, f"ALTER TABLE {table} OWNER TO owner")
        ask(database.owner_url, BLOCKS)
        with Session(sa.create_engine(database.admin_url, poolclass=sa.NullPool)) as session:
            session.add(Customer(code="C1003", name="云帆科技", name_en="Yunfan"))
            session.commit()
        yield database


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("instance")
    for name, text in {
        "settings.env": "DCIM_ENCRYPTION_KEYS=k1:CANARY-OF-THE-KEYS",
        "keys/signing.pem": "CANARY-OF-THE-KEYS",
        "keys/database.json": "{}",
        "statements/2026-10/C1003.pdf": "%PDF-1.7 " + "x" * 5000,
        "statements/空.txt": "",
        "log/web.log": "not saved",
    }.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text, encoding="utf-8")
    return data


@pytest.fixture(scope="module")
def saved(source: Database, instance: Path, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    return backup(instance, source.owner_url, tmp_path_factory.mktemp("backups"))


def tamper(saved: Backup, target: Path, **changes: object) -> Path:
    """A whole and well-formed archive, with another manifest."""
    with open_archive(saved.archive) as (manifest, tar):
        sources = {}
        for number, entry in enumerate(manifest.files):
            sources[entry.name] = target.parent / f"part{number}"
            unpack(tar, entry, sources[entry.name])
    changed = replace(manifest, **changes)  # type: ignore[arg-type]
    sources |= {
        e.name: next(iter(sources.values())) for e in changed.files if e.name not in sources
    }
    write_archive(target, changed, sources)
    return target


def test_restored_instance_equals_the_saved_one(
    saved: Backup, instance: Path, tmp_path: Path
) -> None:
    data = tmp_path / "restored"
    manifest = restore(saved.archive, data)
    assert manifest == saved.manifest
    assert manifest.revision == schema.newest_revision()
    assert manifest.tables["customer"].rows == 1
    assert manifest.tables["odd"].rows == 4
    assert manifest.tables["unkeyed"].rows == 503
    assert len(manifest.tables) > 30
    for name in ("settings.env", "keys/signing.pem", "statements/2026-10/C1003.pdf"):
        assert (data / name).read_bytes() == (instance / name).read_bytes()
    assert (data / "statements" / "空.txt").exists()
    assert not (data / "log" / "web.log").exists()
    server = EmbeddedServer(data)
    assert not server.is_running()
    with server.lease():
        names = ask(server.owner_url, "SELECT word, note, amount::text FROM odd ORDER BY word")
        assert ("机房", "two\nlines\tand a \\ backslash", "123456789.0100") in names
        # The walls came along: no scope, no rows; what is issued stays.
        assert ask(server.app_url, "SELECT count(*) FROM customer") == [(0,)]
        assert ask(server.app_url, "SELECT count(*) FROM customer", staff=True) == [(1,)]
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            ask(server.app_url, "DELETE FROM ledger_entry", staff=True)
        places = ask(
            server.app_url, "SELECT tableoid::regclass::text FROM sample_block ORDER BY day"
        )
        assert [str(place).removeprefix("sample_block_") for (place,) in places] == [
            "before_18262", "before_18262", "202001", "202001", "202002", "rest",
        ]  # fmt: skip
        again = backup(data, server.owner_url, tmp_path / "again")
        # The restored instance goes on making and dropping them.
        assert ask(server.app_url, "SELECT make_sample_blocks(18993, 19001, true)") == [(1,)]
        assert ask(server.app_url, "SELECT drop_sample_blocks(18293)") == [(2,)]
        assert ask(server.app_url, "SELECT array_agg(day ORDER BY day) FROM sample_block") == [
            ([18_293, 19_000],)
        ]
    assert again.manifest.tables == saved.manifest.tables


def _count(database: Database, table: str) -> object:
    return ask(database.owner_url, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608


def test_snapshot_is_consistent_under_writes(
    source: Database, instance: Path, tmp_path: Path
) -> None:
    """A transaction writes one row into each of two tables; a backup has both or neither."""
    enough = threading.Event()

    def write() -> None:
        engine = sa.create_engine(source.owner_url)
        while not enough.is_set():
            with engine.begin() as connection:
                for table in ("other_pair", "seen_pair"):
                    statement = f"INSERT INTO {table} (half) VALUES (1)"  # noqa: S608
                    connection.exec_driver_sql(statement)
        engine.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        # Control: the same two counts outside one snapshot do disagree.
        while _count(source, "seen_pair") == _count(source, "other_pair"):
            pass
        made = [backup(instance, source.owner_url, tmp_path / "live") for _ in range(3)]
    finally:
        enough.set()
        writer.join()
    counts = [
        (one.manifest.tables["seen_pair"].rows, one.manifest.tables["other_pair"].rows)
        for one in made
    ]
    assert all(seen == other for seen, other in counts), counts
    assert counts[0] < counts[-1], "the writer was at work"
    # The dump is of the same instant as the counts, or the restore would refuse it.
    assert restore(made[1].archive, tmp_path / "r").tables == made[1].manifest.tables


def test_any_flipped_byte_is_detected(saved: Backup, tmp_path: Path) -> None:
    whole = saved.archive.read_bytes()
    check_archive(saved.archive)  # control
    draw = random.Random(20261123)
    places = [0, 100, 150, len(whole) - 1, len(whole) - 40, len(whole) - 700]
    places += [draw.randrange(len(whole)) for _ in range(194)]
    copy = tmp_path / "flipped.tar"
    missed = []
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 1 << draw.randrange(8)
        copy.write_bytes(broken)
        try:
            check_archive(copy)
            missed.append(place)
        except BackupError:
            pass
    assert missed == []
    with pytest.raises(BackupError, match="damaged"):
        restore(copy, tmp_path / "r", key_file=saved.key_file)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("left", [0, 10, 5000, -1])
def test_cut_archive_is_detected(saved: Backup, tmp_path: Path, left: int) -> None:
    copy = tmp_path / "cut.tar"
    copy.write_bytes(saved.archive.read_bytes()[:left])
    with pytest.raises(BackupError, match="damaged or incomplete"):
        verify(copy)


def test_verify_reads_everything(saved: Backup) -> None:
    assert verify(saved.archive) == saved.manifest


def test_occupied_target_is_refused_and_left_alone(saved: Backup, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious", encoding="utf-8")
    with pytest.raises(BackupError, match="not empty"):
        restore(saved.archive, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_newer_schema_is_refused(saved: Backup, tmp_path: Path) -> None:
    archive = tamper(saved, tmp_path / "newer.tar", revision="9999")
    with pytest.raises(BackupError, match="newer than this program"):
        restore(archive, tmp_path / "r", key_file=saved.key_file)
    assert not (tmp_path / "r").exists()


def test_row_that_does_not_fit_the_manifest_stops_the_restore(
    saved: Backup, tmp_path: Path
) -> None:
    tables = dict(saved.manifest.tables)
    tables["odd"] = replace(tables["odd"], sha256="0" * 64)
    archive = tamper(saved, tmp_path / "other.tar", tables=tables)
    with pytest.raises(BackupError, match=r"differ.*\n.*odd"):
        restore(archive, tmp_path / "r", key_file=saved.key_file)
    assert list((tmp_path / "r").iterdir()) == []


def test_file_outside_its_folder_is_refused(saved: Backup, tmp_path: Path) -> None:
    files = (replace(saved.manifest.files[0], name="../escaped"),)
    archive = tamper(saved, tmp_path / "escape.tar", files=files)
    with pytest.raises(BackupError, match="outside its folders"):
        restore(archive, tmp_path / "r", key_file=saved.key_file)
    assert not (tmp_path / "escaped").exists()


def test_archive_holds_no_key_and_is_private(saved: Backup) -> None:
    assert b"CANARY-OF-THE-KEYS" not in saved.archive.read_bytes()
    for path in (saved.archive, saved.key_file):
        assert path.stat().st_mode & 0o777 == 0o600
    contents = read_key_file(saved.key_file, saved.manifest.keys_id, None)
    assert contents["keys/signing.pem"] == b"CANARY-OF-THE-KEYS"
    assert "keys/database.json" not in contents


def test_key_file_is_asked_for(saved: Backup, source: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="missing"):
        restore(saved.archive, tmp_path / "r", key_file=tmp_path / "nowhere.keys")
    other = json.loads(saved.key_file.read_text(encoding="utf-8"))
    (tmp_path / "other.keys").write_text(json.dumps(other | {"keys_id": "x"}), encoding="utf-8")
    with pytest.raises(BackupError, match="another backup"):
        restore(saved.archive, tmp_path / "r", key_file=tmp_path / "other.keys")
    assert not (tmp_path / "r").exists()


def test_passphrase_seals_the_key_file(instance: Path, source: Database, tmp_path: Path) -> None:
    made = backup(
        instance,
        source.owner_url,
        tmp_path / "archives",
        keys_target=tmp_path / "safe",
        passphrase="correct horse battery",
    )
    assert made.key_file.parent == tmp_path / "safe"
    assert b"CANARY" not in made.key_file.read_bytes()
    keys_id = made.manifest.keys_id
    opened = read_key_file(made.key_file, keys_id, "correct horse battery")
    assert opened["keys/signing.pem"] == b"CANARY-OF-THE-KEYS"
    for wrong in (None, "Correct horse battery"):
        with pytest.raises(BackupError, match="passphrase"):
            read_key_file(made.key_file, keys_id, wrong)


@pytest.mark.parametrize("passphrase", [None, "a passphrase"])
def test_flipped_byte_in_the_key_file_never_gives_other_keys(
    instance: Path, source: Database, tmp_path: Path, passphrase: str | None
) -> None:
    made = backup(instance, source.owner_url, tmp_path, passphrase=passphrase)
    keys_id = made.manifest.keys_id
    right = read_key_file(made.key_file, keys_id, passphrase)
    whole, draw = made.key_file.read_bytes(), random.Random(7)
    for _ in range(40):
        broken = bytearray(whole)
        broken[draw.randrange(len(broken))] ^= 1 << draw.randrange(7)
        made.key_file.write_bytes(broken)
        try:
            assert read_key_file(made.key_file, keys_id, passphrase) == right
        except BackupError:
            continue


def test_restore_into_an_external_database(
    saved: Backup, server: EmbeddedServer, tmp_path: Path
) -> None:
    with fresh_database(server, f"elsewhere_{WORKER}") as external:
        restore(saved.archive, tmp_path / "r", owner_url=external.owner_url)
        assert not (tmp_path / "r" / "pg").exists()
        assert ask(external.app_url, "SELECT count(*) FROM customer", staff=True) == [(1,)]
        with pytest.raises(BackupError, match="not empty"):
            restore(saved.archive, tmp_path / "again", owner_url=external.owner_url)


def test_unreachable_database_is_told_without_its_password(instance: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot be reached") as refusal:
        backup(instance, "postgresql+psycopg://owner:hunter22@/none?host=/nowhere", tmp_path)
    assert "hunter22" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []
