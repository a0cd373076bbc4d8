-- The lines of the batch, straight from its segments. DuckDB reads them twice in less time than a copy of their texts would
-- take. Its buffers are twice the longest line, one for each thread. A stream id counts as numbered if it is <ms>-<seq>.
CREATE OR REPLACE TEMP VIEW lines AS
WITH read AS (
    SELECT
        *,
        list_position(getvariable('paths'), filename) AS number,
        nullif(strpos(i, '-'), 0) AS dash,
        TRY_CAST(left(i, dash - 1) AS UBIGINT) AS ms,
        TRY_CAST(substr(i, dash + 1) AS UBIGINT) AS seq
    FROM
        read_json(
            getvariable('paths'),
            format = 'newline_delimited',
            maximum_object_size = getvariable('longest'),
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
                h: 'BIGINT',
                d: 'VARCHAR'
            }
        )
)

SELECT
    getvariable('segments')[number] AS segment,
    number * 4294967296 + n AS line,
    k AS line_kind,
    p AS project_id,
    t AS task_id,
    r AS run_id,
    l AS source,
    i AS stream_id,
    CASE WHEN seq IS NOT NULL THEN ms END AS stream_ms,
    CASE WHEN ms IS NOT NULL THEN seq END AS stream_seq,
    o AS position,
    make_timestamptz(a) AS received_at,
    x AS redacted,
    h AS checksum,
    d AS payload
FROM
    read
