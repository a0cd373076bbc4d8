-- The lines of the batch, straight from its segments. DuckDB reads them twice in less time than a copy of their texts would
-- take. A stream id counts as numbered if it is <ms>-<seq>.
CREATE OR REPLACE TEMP VIEW lines AS
SELECT
    getvariable('segments')[list_position(getvariable('paths'), filename)] AS segment,
    list_position(getvariable('paths'), filename) * 4294967296 + n AS line,
    k AS line_kind,
    p AS project_id,
    t AS task_id,
    r AS run_id,
    l AS source,
    i AS stream_id,
    CASE
        WHEN split_part(i, '-', 3) = '' AND TRY_CAST(split_part(i, '-', 2) AS UBIGINT) IS NOT NULL
        THEN TRY_CAST(split_part(i, '-', 1) AS UBIGINT)
    END AS stream_ms,
    CASE WHEN stream_ms IS NOT NULL THEN TRY_CAST(split_part(i, '-', 2) AS UBIGINT) END AS stream_seq,
    o AS position,
    make_timestamptz(a) AS received_at,
    x AS redacted,
    d AS payload
FROM
    read_json(
        getvariable('paths'),
        format = 'newline_delimited',
        maximum_object_size = 33554432,
        filename = true,
        columns = {
            k: 'VARCHAR',
            n: 'BIGINT',
            p: 'BIGINT',
            t: 'VARCHAR',
            r: 'VARCHAR',
            l: 'VARCHAR',
            i: 'VARCHAR',
            o: 'BIGINT',
            a: 'BIGINT',
            x: 'BOOLEAN',
            d: 'VARCHAR'
        }
    )
