"""Day blocks lie in partitions of a month, so that what is past retention is dropped whole.

Blocks that are there aren't copied: their table becomes the partition of all days before a boundary,
the first day of next month. That reads its rows twice, not the bodies beside them (112 million rows,
some 20 GB, of 50,000 ports and 36 months), and nobody reads or closes days meanwhile; polls go on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_COLUMNS = "series_id, day, count, first_ms, last_ms, codec, revision, sha256, body"


def upgrade() -> None:
    op.execute("LOCK TABLE sample_block IN ACCESS EXCLUSIVE MODE")
    boundary = _find_boundary()
    filled = op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM sample_block)"))
    before = f"sample_block_before_{boundary}"
    op.execute(f"ALTER TABLE sample_block RENAME TO {before}")
    op.execute(f"ALTER TABLE {before} RENAME CONSTRAINT pk_sample_block TO pk_{before}")
    op.create_table(
        "sample_block",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("codec", sa.SmallInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "day", name=op.f("pk_sample_block")),
        postgresql_partition_by="RANGE (day)",
    )
    # What comes for a month that has no partition.
    op.execute("CREATE TABLE sample_block_rest PARTITION OF sample_block DEFAULT")
    if filled:
        # Of a clock that was wrong.
        op.execute(
            f"WITH moved AS (DELETE FROM {before} WHERE day >= {boundary} RETURNING {_COLUMNS})"  # noqa: S608
            f" INSERT INTO sample_block_rest ({_COLUMNS}) SELECT {_COLUMNS} FROM moved"
        )
        # Proves to ATTACH what it would look for by itself, and to the planner what isn't there.
        op.execute(f"ALTER TABLE {before} ADD CONSTRAINT of_days CHECK (day < {boundary})")
        op.execute(
            f"ALTER TABLE sample_block ATTACH PARTITION {before}"
            f" FOR VALUES FROM (MINVALUE) TO ({boundary})"
        )
    else:
        op.execute(f"DROP TABLE {before}")
    _make_functions()


def _find_boundary() -> int:
    found: int = op.get_bind().scalar(  # type: ignore[assignment]
        sa.text(
            "SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date"
            " - date '1970-01-01'"
        )
    )
    return found


def _make_functions() -> None:
    # The application owns no table, so partitions are made and dropped through these. pg_temp last:
    # else a table of the caller's own would be found first.
    op.execute(
        """
        CREATE FUNCTION make_sample_blocks(first integer, stop integer, move boolean)
        RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        -- Partitions of all months with a day from `first` to before `stop`. What lies in the rest
        -- of such a month is moved there or, without `move`, stays, and the month isn't made.
        DECLARE
            epoch CONSTANT date := '1970-01-01';
            today CONSTANT integer := extract(epoch FROM now()) / 86400;
            past integer;
            month date;
            name text;
            low integer;
            high integer;
            moved bigint;
            made integer := 0;
        BEGIN
            SELECT max(substring(c.relname FROM '[0-9]+$')::integer) INTO past
                FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'public.sample_block'::regclass
                AND c.relname ~ '^sample_block_before_[0-9]+$';
            month := date_trunc('month', epoch + least(greatest(first, past, 0), today + 400)
                + time '00:00')::date;
            -- No more at once than one can want, and none of a clock that is wrong by years.
            stop := least(stop, today + 400, month - epoch + 3660);
            WHILE month - epoch < stop LOOP
                name := 'sample_block_' || to_char(month, 'YYYYMM');
                low := month - epoch;
                month := (month + interval '1 month')::date;
                high := month - epoch;
                CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
                CONTINUE WHEN NOT move AND EXISTS (
                    SELECT FROM public.sample_block_rest WHERE day >= low AND day < high
                );
                EXECUTE format(
                    'CREATE TABLE public.%I (LIKE public.sample_block INCLUDING ALL,'
                    ' CONSTRAINT of_month CHECK (day >= %s AND day < %s))', name, low, high
                );
                IF move THEN
                    EXECUTE format(
                        'WITH moved AS (DELETE FROM public.sample_block_rest'
                        ' WHERE day >= %s AND day < %s RETURNING *)'
                        ' INSERT INTO public.%I SELECT * FROM moved', low, high, name
                    );
                    GET DIAGNOSTICS moved = ROW_COUNT;
                    -- Who has looked up the partitions already would miss what moved.
                    IF moved > 0 THEN
                        LOCK TABLE public.sample_block IN ACCESS EXCLUSIVE MODE;
                    END IF;
                END IF;
                -- Unlike CREATE TABLE ... PARTITION OF, this lets readers and writers go on.
                EXECUTE format(
                    'ALTER TABLE public.sample_block ATTACH PARTITION public.%I'
                    ' FOR VALUES FROM (%s) TO (%s)', name, low, high
                );
                made := made + 1;
            END LOOP;
            RETURN made;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION drop_sample_blocks(oldest integer) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        -- Drop the partitions that have no day from `oldest` on.
        DECLARE
            one record;
            dropped integer := 0;
        BEGIN
            -- Whoever calls: 36 months of 31 days are kept.
            oldest := least(oldest, floor(extract(epoch FROM now()) / 86400)::integer - 1116);
            FOR one IN
                SELECT c.relname AS name, CASE
                    WHEN c.relname ~ 'before' THEN substring(c.relname FROM '[0-9]+$')::integer
                    ELSE (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month')::date
                        - date '1970-01-01'
                END AS stop
                FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'public.sample_block'::regclass
                AND c.relname ~ '^sample_block_([0-9]{6}|before_[0-9]+)$'
            LOOP
                CONTINUE WHEN one.stop > oldest;
                EXECUTE format('DROP TABLE public.%I', one.name);
                dropped := dropped + 1;
            END LOOP;
            RETURN dropped;
        END
        $$
        """
    )
    for function in (
        "make_sample_blocks(integer, integer, boolean)",
        "drop_sample_blocks(integer)",
    ):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")


def downgrade() -> None:
    """Back to one table. Only months made since are copied, and the rest."""
    op.execute("LOCK TABLE sample_block IN ACCESS EXCLUSIVE MODE")
    op.execute("DROP FUNCTION make_sample_blocks(integer, integer, boolean)")
    op.execute("DROP FUNCTION drop_sample_blocks(integer)")
    before = op.get_bind().scalar(
        sa.text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'sample_block'::regclass"
            " AND c.relname ~ '^sample_block_before_[0-9]+$'"
        )
    )
    if before is None:
        before = "sample_block_before"
        op.execute(
            f"CREATE TABLE {before} (LIKE sample_block INCLUDING DEFAULTS,"
            f" CONSTRAINT pk_{before} PRIMARY KEY (series_id, day))"
        )
    else:
        op.execute(f"ALTER TABLE sample_block DETACH PARTITION {before}")
        op.execute(f"ALTER TABLE {before} DROP CONSTRAINT of_days")
    op.execute(f"INSERT INTO {before} ({_COLUMNS}) SELECT {_COLUMNS} FROM sample_block")  # noqa: S608
    op.execute("DROP TABLE sample_block")
    op.execute(f"ALTER TABLE {before} RENAME TO sample_block")
    op.execute(f"ALTER TABLE sample_block RENAME CONSTRAINT pk_{before} TO pk_sample_block")
