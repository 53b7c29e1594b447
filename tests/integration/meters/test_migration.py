"""Photos of meters go with their readings, whatever row security hides from the migration."""

from alembic import command
from sqlalchemy import text

from dcim import schema
from dcim.db import make_engine
from dcim.postgres import EmbeddedServer
from tests.integration.customers.test_migration import STAFF
from tests.servers import fresh_database

FILES = """
INSERT INTO stored_file
 (kind, name, media_type, size, sha256, content, uploaded_by, uploaded_at) VALUES
 ('photo', 'a.jpg', 'image/jpeg', 1, 'a', 'a', 'a', now()),
 ('loa', 'b.pdf', 'application/pdf', 1, 'b', 'b', 'b', now());
"""


def test_photos_go_and_other_files_stay(server: EmbeddedServer) -> None:
    with fresh_database(server, "photos_before") as own:
        owner = make_engine(own.owner_url, pool_size=1)
        with owner.begin() as connection:
            command.upgrade(schema.alembic_config(connection), "0023")
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            connection.exec_driver_sql(FILES)
        with owner.begin() as connection:
            command.downgrade(schema.alembic_config(connection), "0022")
        with owner.begin() as connection:
            connection.execute(text(STAFF))
            assert connection.scalars(text("SELECT kind FROM stored_file")).all() == ["loa"]
        owner.dispose()
