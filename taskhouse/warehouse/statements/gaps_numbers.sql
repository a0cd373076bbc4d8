-- What is missing according to the agents' own numbering: event_id is <boot>-<number>, without a break within a boot.
--
-- Order: `numbered` -> holes -> found. The temp table `numbered` has the numbers of both layers; `gaps_seams` and
-- `gaps_ends` read it too. `holes` has the stretches that did not come live; `gaps_streams` reads it.

-- name: numbered
-- The numbers that agents gave to the stored events of the runs, by boot. A live event has one number; a log entry may
-- stand for a range. A range of more than a million events is not plausible and counts only for its last number. The
-- macros limit the numbers, and an id that is longer than any real one has none.
CREATE OR REPLACE TEMP TABLE numbered AS
WITH live AS (
    SELECT
        event.project_id,
        event.run_id,
        main.event_boot(event.event_id) AS boot,
        main.event_number(event.event_id) AS first,
        event.stream_id,
        event.stream_ms,
        event.stream_seq
    FROM
        raw.run_events AS event
        SEMI JOIN searched USING (project_id, run_id)
    WHERE
        strlen(event.event_id) <= 256
        AND event.stream_ms >= CAST($since_ms AS UBIGINT)
),

log AS (
    SELECT
        entry.project_id,
        entry.run_id,
        main.event_boot(entry.event_id) AS boot,
        main.event_boot(entry.first_event_id) AS first_boot,
        main.event_number(entry.first_event_id) AS first,
        main.event_number(entry.event_id) AS last,
        epoch_ms(entry.occurred_at) AS logged_ms
    FROM
        raw.run_log_entries AS entry
        SEMI JOIN searched USING (project_id, run_id)
    WHERE
        strlen(entry.event_id) <= 256
)

SELECT
    *,
    first AS last,
    TRUE AS live
FROM
    live
WHERE
    first IS NOT NULL
UNION ALL BY NAME
SELECT
    project_id,
    run_id,
    boot,
    CASE WHEN first_boot = boot AND last - first BETWEEN 0 AND 1000000 THEN first ELSE last END AS first,
    last,
    logged_ms,
    FALSE AS live
FROM
    log
WHERE
    last IS NOT NULL

-- name: holes
-- Unbroken stretches of numbers that are missing from the live stream: in every boot of which something came live, and
-- in every other boot that the log places between numbers that came live, which is an attempt that was not read. They
-- are found at the edges of what is stored, so the cost does not depend on their length. What the log has from before
-- the first live number, or after the last one, is not a hole, because the stream was not being read then.
CREATE OR REPLACE TEMP TABLE holes AS
WITH watched AS (
    SELECT
        project_id,
        run_id,
        min(stream_ms) AS first_ms,
        max(stream_ms) AS last_ms
    FROM
        numbered
    WHERE
        live
    GROUP BY
        project_id,
        run_id
),

boots AS (
    SELECT
        project_id,
        run_id,
        boot,
        CASE WHEN NOT bool_or(live) THEN min(logged_ms) END AS unread_ms,
        row_number() OVER () AS id
    FROM
        numbered
        INNER JOIN watched USING (project_id, run_id)
    GROUP BY
        project_id,
        run_id,
        boot
    HAVING
        CASE
            -- most boots came live from 1 to their end, regardless of the log
            WHEN bool_or(live)
                THEN min(first) FILTER (WHERE live) <> 1 OR count(DISTINCT first) FILTER (WHERE live) < max(last)
            ELSE min(logged_ms) BETWEEN any_value(first_ms) AND any_value(last_ms)
        END
),

held AS (
    SELECT DISTINCT
        boots.id,
        numbered.live,
        numbered.first,
        numbered.last
    FROM
        numbered
        INNER JOIN boots USING (project_id, run_id, boot)
),

placed AS (
    SELECT
        *,
        CASE WHEN live THEN first - row_number() OVER (PARTITION BY id, live ORDER BY first) ELSE first END AS unbroken
    FROM
        held
),

spans AS (
    SELECT
        id,
        live,
        min(first) AS first,
        max(last) AS last
    FROM
        placed
    GROUP BY
        id,
        live,
        unbroken
),

edges AS (
    SELECT
        id,
        unnest([first, last + 1]) AS number,
        unnest([CAST(live AS INTEGER), -CAST(live AS INTEGER)]) AS live,
        unnest([CAST(NOT live AS INTEGER), -CAST(NOT live AS INTEGER)]) AS log
    FROM
        spans
    UNION ALL
    SELECT
        id,
        1,
        0,
        0
    FROM
        boots
),

summed AS (
    SELECT
        id,
        number,
        sum(live) AS live,
        sum(log) AS log
    FROM
        edges
    GROUP BY
        id,
        number
),

pieces AS (
    SELECT
        id,
        number AS first,
        lead(number) OVER edge - 1 AS last,
        sum(live) OVER edge > 0 AS live,
        sum(log) OVER edge > 0 AS in_log
    FROM
        summed
    WINDOW
        edge AS (PARTITION BY id ORDER BY number)
),

marked AS (
    SELECT
        *,
        max(CASE WHEN live THEN last END) OVER before AS live_before,
        min(CASE WHEN live THEN first END) OVER after AS live_after,
        (live, in_log) IS DISTINCT FROM lag((live, in_log)) OVER piece AS is_new
    FROM
        pieces
    WHERE
        last IS NOT NULL
    WINDOW
        piece AS (PARTITION BY id ORDER BY first),
        before AS (
            PARTITION BY id ORDER BY first
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        after AS (
            PARTITION BY id ORDER BY first
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        )
),

stretches AS (
    SELECT
        *,
        count(*) FILTER (WHERE is_new) OVER (PARTITION BY id ORDER BY first) AS stretch
    FROM
        marked
)

SELECT
    boots.project_id,
    boots.run_id,
    boots.boot,
    boots.unread_ms,
    stretches.in_log,
    min(stretches.first) AS first,
    max(stretches.last) AS last,
    any_value(stretches.live_before) AS live_before,
    any_value(stretches.live_after) AS live_after
FROM
    stretches
    INNER JOIN boots USING (id)
WHERE
    NOT stretches.live
    AND (
        NOT stretches.in_log
        OR boots.unread_ms IS NOT NULL
        OR (stretches.live_before IS NOT NULL AND stretches.live_after IS NOT NULL)
    )
GROUP BY
    boots.project_id,
    boots.run_id,
    boots.boot,
    boots.unread_ms,
    stretches.in_log,
    stretches.stretch

-- name: find_missing_numbers
-- The holes that the agent's own numbering proves, with the live events around them.
INSERT INTO found_gaps BY NAME
WITH ends AS (
    SELECT DISTINCT
        project_id,
        run_id,
        boot,
        unnest([live_before, live_after]) AS first
    FROM
        holes
),

named AS (
    SELECT
        project_id,
        run_id,
        boot,
        first AS number,
        arg_max(stream_id, (stream_ms, stream_seq)) AS latest,
        arg_min(stream_id, (stream_ms, stream_seq)) AS earliest
    FROM
        numbered
        SEMI JOIN ends USING (project_id, run_id, boot, first)
    WHERE
        live
    GROUP BY
        project_id,
        run_id,
        boot,
        number
),

-- if nothing of a boot came live, the nearest numbers around it that did
around AS (
    SELECT
        unread.project_id,
        unread.run_id,
        unread.boot,
        arg_max(numbered.stream_id, (numbered.stream_ms, numbered.stream_seq))
            FILTER (numbered.stream_ms <= unread.unread_ms) AS latest,
        arg_min(numbered.stream_id, (numbered.stream_ms, numbered.stream_seq))
            FILTER (numbered.stream_ms > unread.unread_ms) AS earliest
    FROM
        (SELECT DISTINCT project_id, run_id, boot, unread_ms FROM holes WHERE unread_ms IS NOT NULL) AS unread
        INNER JOIN numbered
            ON unread.project_id = numbered.project_id
            AND unread.run_id = numbered.run_id
            AND numbered.live
    GROUP BY
        unread.project_id,
        unread.run_id,
        unread.boot
)

SELECT
    hole.project_id,
    hole.run_id,
    coalesce(before.latest, around.latest) AS after_stream_id,
    coalesce(after.earliest, around.earliest) AS before_stream_id,
    'numbers_missing' AS kind,
    'the agent''s events ' || hole.boot || '-' || hole.first || ' to ' || hole.boot || '-' || hole.last
    || CASE WHEN hole.in_log THEN ' came only from the log' ELSE ' are in neither layer' END AS how,
    TRUE AS certain,
    hole.in_log AS repaired_from_log
FROM
    holes AS hole
    LEFT JOIN named AS before
        ON before.project_id = hole.project_id
        AND before.run_id = hole.run_id
        AND before.boot = hole.boot
        AND before.number = hole.live_before
    LEFT JOIN named AS after
        ON after.project_id = hole.project_id
        AND after.run_id = hole.run_id
        AND after.boot = hole.boot
        AND after.number = hole.live_after
    LEFT JOIN around
        ON hole.unread_ms IS NOT NULL
        AND around.project_id = hole.project_id
        AND around.run_id = hole.run_id
        AND around.boot = hole.boot
