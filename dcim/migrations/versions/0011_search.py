"""search: what stands on records as one indexed table that triggers keep

`search_text` is closed to the app role. The only door is `find_by_text`, which answers staff alone:
an index on the tables themselves would serve nobody, as row security is judged before any
comparison that isn't leakproof.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# The searched fields of the kinds when this was written; a test compares triggers and kinds.
SEARCHED = {
    "site": ("code", "name", "name_en"),
    "building": ("code", "name", "name_en"),
    "room": ("code", "name", "name_en"),
    "cage": ("code", "name"),
    "cabinet_row": ("code",),
    "cabinet": ("code", "asset_tag", "serial"),
    "rack": ("code",),
    "barred_space": ("reason",),
    "hold": ("prospect", "held_by", "reason"),
    "cabinet_walk": ("started_by", "finished_by"),
    "device_type": ("manufacturer", "model", "slug", "part_number"),
    "device": ("name", "serial", "asset_tag"),
    "device_transition": ("actor", "note"),
    "equipment_pass": ("number", "bearer"),
    "power_node": ("code", "name"),
    "carrier": ("code", "name", "name_en"),
    "room_carrier": ("entry_point",),
    "circuit": ("number", "z_end"),
    "port": ("name", "mac", "description", "alias"),
    "cable": ("code", "note"),
    "cross_connect": ("number", "z_party"),
    "bandwidth_service": ("code",),
    "dedicated_line": ("code", "a_end", "z_end"),
    "prefix": ("network", "note"),
    "address_assignment": ("network", "hostname"),
    "vlan_group": ("code",),
    "vlan": ("name",),
    "asn": ("name",),
    "customer": (
        "code", "name", "name_en", "account_manager", "legal_name", "credit_code", "icp_licence",
        "icp_record", "isp_licence",
    ),
    "contact": ("name", "email", "phone", "mobile"),
    "catalogue_item": ("code", "name", "name_en"),
    "contract": ("number", "title"),
    "contract_item": ("code", "label", "label_en"),
    "contract_amendment": ("number",),
    "service_order": ("number", "reason"),
}  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "search_text",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id", name=op.f("pk_search_text")),
    )
    # What can be looked up in an index without an extension: all pieces of three letters, and of
    # two where one is no ASCII (two letters are a word in Chinese). A line end stands before and
    # after each word: a piece with one is a beginning or an end.
    op.execute(
        r"""
        CREATE FUNCTION search_grams(words text) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 100000 AS $$
            SELECT coalesce(array_agg(DISTINCT gram), '{}') FROM (
                SELECT substr(words, n, 3) AS gram FROM generate_series(1, length(words) - 2) AS n
                UNION ALL
                SELECT substr(words, n, 2) FROM generate_series(1, length(words) - 1) AS n
                WHERE octet_length(substr(words, n, 2)) > 2
            ) AS piece
            WHERE gram !~ E'[^\n]\n[^\n]' AND gram !~ E'\n\n'
        $$
        """
    )
    op.execute(
        "CREATE INDEX search_text_grams ON search_text"
        " USING gin (array_append(search_grams(words), '=' || source))"
    )
    # Shorter than what a b-tree's page takes.
    op.execute(
        'CREATE INDEX search_text_beginning ON search_text (source, (left(words, 100) COLLATE "C"))'
    )
    op.execute(
        r"""
        CREATE FUNCTION keep_search_text() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
        DECLARE fields jsonb; word text; found text := E'\n';
        BEGIN
            IF TG_OP = 'DELETE' THEN
                DELETE FROM search_text WHERE source = TG_TABLE_NAME AND record_id = OLD.id;
                RETURN NULL;
            END IF;
            fields := to_jsonb(NEW);
            FOR n IN 0 .. TG_NARGS - 1 LOOP
                word := lower(btrim(fields ->> TG_ARGV[n], E' \n'));
                IF word <> '' THEN
                    found := found || word || E'\n';
                END IF;
            END LOOP;
            INSERT INTO search_text AS kept (source, record_id, words)
                VALUES (TG_TABLE_NAME, NEW.id, found)
                ON CONFLICT (source, record_id) DO UPDATE SET words = excluded.words
                WHERE kept.words <> excluded.words;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        r"""
        CREATE FUNCTION find_by_text(wanted text, sources text[], most integer, whole boolean)
        RETURNS TABLE (source text, record_id bigint)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS $$
        DECLARE
            word text := lower(btrim(wanted, E' \n'));
            -- As a LIKE pattern, taken literally.
            plain text := replace(replace(replace(word, '\', '\\'), '%', '\%'), '_', '\_');
            -- The whole word; a beginning of the first word; of any; any part.
            shapes text[] := ARRAY[E'\n' || word || E'\n', '', E'\n' || word, word];
            patterns text[] := ARRAY[E'%\n' || plain || E'\n%', E'\n' || plain || '%',
                                     E'%\n' || plain || '%', '%' || plain || '%'];
            by_grams text := 'array_append(search_grams(t.words), ''='' || t.source)'
                ' @> array_append($2, ''='' || s) AND t.words LIKE $3';
            by_beginning text := 't.source = s AND left(t.words, 100) COLLATE "C" LIKE $3'
                ' ORDER BY left(t.words, 100) COLLATE "C"';
            shape integer;
            grams text[];
            names text[];
            ids bigint[];
        BEGIN
            IF current_setting('jifang.staff', true) IS DISTINCT FROM 'yes' THEN
                RAISE EXCEPTION 'only staff search across tenants'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            IF word = '' THEN
                RETURN;
            END IF;
            FOR shape IN 1 .. 4 LOOP
                -- Whoever wants all of them wants parts, and these hold all other shapes.
                CONTINUE WHEN most IS NULL AND shape < 4;
                EXIT WHEN whole AND shape > 1;
                -- Of long words both ends: more pieces cost more than they leave out.
                grams := search_grams(left(shapes[shape], 5)) || search_grams(right(shapes[shape], 7));
                CONTINUE WHEN grams = '{}' AND shape <> 2;
                -- Planned for these very words: whether many or few records hold them decides.
                EXECUTE 'SELECT array_agg(one.source), array_agg(one.record_id)'
                    ' FROM unnest($1) AS s, LATERAL (SELECT t.source, t.record_id'
                    ' FROM search_text AS t WHERE '
                    || CASE shape WHEN 2 THEN by_beginning ELSE by_grams END
                    || ' LIMIT $4) AS one'
                    INTO names, ids USING sources, grams, patterns[shape], most;
                CONTINUE WHEN ids IS NULL;
                RETURN QUERY SELECT * FROM unnest(names, ids);
                SELECT array_agg(s) INTO sources FROM unnest(sources) AS s
                    WHERE (SELECT count(*) FROM unnest(names) AS n WHERE n = s) < most;
                EXIT WHEN sources IS NULL;
            END LOOP;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION find_by_text(text, text[], integer, boolean) FROM PUBLIC")
    op.execute("REVOKE ALL ON FUNCTION keep_search_text() FROM PUBLIC")
    op.execute("SELECT set_config('jifang.staff', 'yes', true)")
    for table, columns in SEARCHED.items():
        named = ", ".join(f"'{column}'" for column in columns)
        listed = ", ".join(columns)
        joined = " || ".join(
            rf"coalesce(nullif(lower(btrim({column}::text, E' \n')), '') || E'\n', '')"
            for column in columns
        )
        op.execute(
            rf"INSERT INTO search_text (source, record_id, words)"  # noqa: S608
            rf" SELECT '{table}', id, E'\n' || {joined} FROM {table}"
        )
        for name, event in (("written", f"INSERT OR UPDATE OF {listed}"), ("gone", "DELETE")):
            op.execute(
                f"CREATE TRIGGER search_{name} AFTER {event} ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION keep_search_text({named})"
            )


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
