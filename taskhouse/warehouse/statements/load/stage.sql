CREATE OR REPLACE TEMP TABLE staged AS
SELECT
    k AS line_kind,
    n AS line,
    p AS project_id,
    t AS task_id,
    r AS run_id,
    l AS source,
    i AS stream_id,
    o AS position,
    make_timestamptz(a) AS received_at,
    x AS redacted,
    d AS payload
FROM
    read_json(
        $path,
        format = 'newline_delimited',
        maximum_object_size = 33554432,
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
