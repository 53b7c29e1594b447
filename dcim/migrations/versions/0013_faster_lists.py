"""Lists in the order of codes end at their page; a search looks once for all kinds, not for each.

`find_by_text` answers as before (0011), but for which of very many records stand first.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CODED = ("cabinet_row", "cabinet", "rack")


def upgrade() -> None:
    for table in CODED:
        op.create_index(op.f(f"ix_{table}_code"), table, ["code"])
    op.execute(
        r"""
        CREATE OR REPLACE FUNCTION find_by_text(
            wanted text, sources text[], most integer, whole boolean
        ) RETURNS TABLE (source text, record_id bigint)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS $$
        DECLARE
            word text := lower(btrim(wanted, E' \n'));
            -- As a LIKE pattern, taken literally.
            plain text := replace(replace(replace(word, '\', '\\'), '%', '\%'), '_', '\_');
            -- The whole word; a beginning of the first word; of any; any part.
            shapes text[] := ARRAY[E'\n' || word || E'\n', '', E'\n' || word, word];
            patterns text[] := ARRAY[E'%\n' || plain || E'\n%', E'\n' || plain || '%',
                                     E'%\n' || plain || '%', '%' || plain || '%'];
            -- Beyond so many, each kind is asked for its first few.
            few CONSTANT integer := 1000;
            by_grams text := 'array_append(search_grams(t.words), ''='' || t.source)'
                ' @> array_append($2, ''='' || s) AND t.words LIKE $3';
            by_beginning text := 't.source = s AND left(t.words, 100) COLLATE "C" LIKE $3'
                ' ORDER BY left(t.words, 100) COLLATE "C"';
            shape integer;
            grams text[];
            names text[];
            ids bigint[];
            found integer;
        BEGIN
            IF current_setting('jifang.staff', true) IS DISTINCT FROM 'yes' THEN
                RAISE EXCEPTION 'only staff search across tenants'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            IF word = '' THEN
                RETURN;
            END IF;
            -- Each is planned for these very words: whether many or few records hold them decides.
            grams := search_grams(left(word, 5)) || search_grams(right(word, 7));
            IF most IS NOT NULL AND NOT whole AND grams <> '{}' THEN
                EXECUTE 'SELECT array_agg(one.source) FILTER (WHERE one.place <= $4),'
                    ' array_agg(one.record_id) FILTER (WHERE one.place <= $4), count(*)'
                    ' FROM (SELECT part.source, part.record_id, row_number() OVER ('
                    'PARTITION BY part.source ORDER BY part.words NOT LIKE $6,'
                    ' part.words NOT LIKE $7, part.words NOT LIKE $8) AS place'
                    ' FROM (SELECT t.source, t.record_id, t.words FROM search_text AS t'
                    ' WHERE array_append(search_grams(t.words), ''='' || t.source) @> $2'
                    ' AND t.words LIKE $3'
                    -- Not the column itself: its index would be asked for nearly all there is.
                    ' AND concat(t.source) = ANY ($1) LIMIT $5) AS part) AS one'
                    INTO names, ids, found
                    USING sources, grams, patterns[4], most, few,
                        patterns[1], patterns[2], patterns[3];
                IF found < few THEN
                    RETURN QUERY SELECT * FROM unnest(names, ids);
                    RETURN;
                END IF;
            END IF;
            FOR shape IN 1 .. 4 LOOP
                -- Whoever wants all of them wants parts, and these hold all other shapes.
                CONTINUE WHEN most IS NULL AND shape < 4;
                EXIT WHEN whole AND shape > 1;
                -- Of long words both ends: more pieces cost more than they leave out.
                grams := search_grams(left(shapes[shape], 5))
                    || search_grams(right(shapes[shape], 7));
                CONTINUE WHEN grams = '{}' AND shape <> 2;
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


def downgrade() -> None:
    raise RuntimeError("restore a backup from before instead")
