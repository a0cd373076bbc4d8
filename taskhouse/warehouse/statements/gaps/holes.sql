-- Unbroken stretches of numbers that the live stream lacks, in every boot of which the live stream has something. A
-- stretch that begins a boot and stands in the log is no hole: nobody was watching yet.
CREATE OR REPLACE TEMP TABLE holes AS
WITH bounds AS (
    SELECT
        project_id,
        run_id,
        boot,
        max(number) AS last
    FROM
        numbered
    GROUP BY
        project_id,
        run_id,
        boot
    HAVING
        bool_or(live)
        AND max(number) < 10000000
),

expected AS (
    SELECT
        project_id,
        run_id,
        boot,
        unnest(range(1, last + 1)) AS number
    FROM
        bounds
),

held AS (
    SELECT
        project_id,
        run_id,
        boot,
        number,
        bool_or(live) AS live
    FROM
        numbered
    GROUP BY
        project_id,
        run_id,
        boot,
        number
),

missing AS (
    SELECT
        expected.project_id,
        expected.run_id,
        expected.boot,
        expected.number,
        held.number IS NOT NULL AS in_log,
        expected.number - row_number() OVER (
            PARTITION BY expected.project_id, expected.run_id, expected.boot, held.number IS NOT NULL
            ORDER BY expected.number
        ) AS stretch
    FROM
        expected
        LEFT JOIN held USING (project_id, run_id, boot, number)
    WHERE
        NOT coalesce(held.live, FALSE)
),

stretches AS (
    SELECT
        project_id,
        run_id,
        boot,
        in_log,
        min(number) AS first,
        max(number) AS last
    FROM
        missing
    GROUP BY
        project_id,
        run_id,
        boot,
        in_log,
        stretch
),

watched AS (
    SELECT
        project_id,
        run_id,
        boot,
        min(number) AS first,
        max(number) AS last
    FROM
        numbered
    WHERE
        live
    GROUP BY
        project_id,
        run_id,
        boot
)

SELECT
    stretches.*
FROM
    stretches
    INNER JOIN watched USING (project_id, run_id, boot)
WHERE
    NOT stretches.in_log
    OR (stretches.first > watched.first AND stretches.last < watched.last)
