-- The same weeks in the repositories of the project whose readiness did not change in them. `value` is a weighted mean:
-- for each change the common difference of the others, and over the changes the weights of the changes themselves. So
-- each run has a weight, and `spread` is the sum of their squares, since one run can stand beside several changes.
-- `squares` is that of what each repository adds beyond the mean.
-- The runs of each pair come from running totals, and the weights of the runs of a day from where the weeks of a pair
-- begin and end, so that no run is joined with every change.
-- Repositories and changes are numbered, since numbers sort quicker than names.
WITH place AS (
    SELECT
        *,
        row_number() OVER () AS place
    FROM
        (SELECT DISTINCT project_id, repository FROM outcome_runs)
),

run AS (
    SELECT
        place.place,
        outcome_runs.day,
        outcome_runs.runs,
        outcome_runs.completed
    FROM
        outcome_runs
        INNER JOIN place USING (project_id, repository)
),

change AS (
    SELECT
        *,
        row_number() OVER () AS changed
    FROM
        outcome_changes
        INNER JOIN (
            SELECT
                unnest($ids::BIGINT[]) AS project_id,
                unnest($names::VARCHAR[]) AS repository,
                unnest($weights::DOUBLE[]) AS weight
        ) USING (project_id, repository)
),

near AS (
    SELECT
        change.changed,
        place.place,
        change.before_since,
        change.before_until,
        change.after_since,
        change.after_until
    FROM
        change
        INNER JOIN outcome_stretches AS other
            ON change.project_id = other.project_id
            AND change.repository <> other.repository
            AND other.kind <> 'unknown'
            AND other.first_day <= change.before_since
            AND other.last_day >= change.after_until
        INNER JOIN place
            ON other.project_id = place.project_id
            AND other.repository = place.repository
),

bound AS (
    SELECT changed, place, before_since - 1 AS day, -1 AS before, 0 AS after FROM near
    UNION ALL
    SELECT changed, place, before_until, 1, 0 FROM near
    UNION ALL
    SELECT changed, place, after_since - 1, 0, -1 FROM near
    UNION ALL
    SELECT changed, place, after_until, 0, 1 FROM near
),

-- The running totals of the runs of a repository, at each bound of a pair.
total AS (
    SELECT
        changed,
        place,
        before,
        after,
        sum(runs) OVER earlier AS runs,
        sum(completed) OVER earlier AS completed
    FROM (
        SELECT *, 0::DOUBLE AS runs, 0::DOUBLE AS completed FROM bound
        UNION ALL BY NAME
        SELECT place, day, runs::DOUBLE AS runs, completed::DOUBLE AS completed FROM run
    )
    WINDOW
        earlier AS (PARTITION BY place ORDER BY day ASC)
),

pair AS (
    SELECT
        changed,
        place,
        sum(before * runs) AS before,
        sum(before * completed) AS completed_before,
        sum(after * runs) AS after,
        sum(after * completed) AS completed_after
    FROM
        total
    WHERE
        changed IS NOT NULL
    GROUP BY
        ALL
    HAVING
        sum(before * runs) > 0
        AND sum(after * runs) > 0
),

weighed AS (
    SELECT
        pair.*,
        change.before_since,
        change.before_until,
        change.after_since,
        change.after_until,
        change.weight * part / sum(part) OVER whole AS weight,
        sum(part * difference) OVER whole / sum(part) OVER whole AS mean
    FROM
        (
            SELECT
                *,
                after * before / (after + before) AS part,
                completed_after / after - completed_before / before AS difference
            FROM
                pair
        ) AS pair
        INNER JOIN change USING (changed)
    WINDOW
        whole AS (PARTITION BY changed)
),

edge AS (
    SELECT place, before_since AS day, -weight / before AS weight, 1 AS before, 0 AS after FROM weighed
    UNION ALL
    SELECT place, before_until + 1, weight / before, -1, 0 FROM weighed
    UNION ALL
    SELECT place, after_since, weight / after, 0, 1 FROM weighed
    UNION ALL
    SELECT place, after_until + 1, -weight / after, 0, -1 FROM weighed
),

step AS (
    SELECT
        place,
        day,
        sum(weight) AS weight,
        sum(before) AS before,
        sum(after) AS after
    FROM
        edge
    GROUP BY
        ALL
),

-- For each day with runs or with a step, the weight of a run on it.
running AS (
    SELECT
        place,
        run.runs,
        run.completed,
        sum(step.weight) OVER earlier AS weight,
        sum(step.before) OVER earlier AS before,
        sum(step.after) OVER earlier AS after
    FROM
        step
        FULL JOIN run USING (place, day)
    WINDOW
        earlier AS (PARTITION BY place ORDER BY day ASC)
),

used AS (
    SELECT
        *
    FROM
        running
    WHERE
        runs > 0
        AND (before > 0 OR after > 0)
)

SELECT
    (
        SELECT list({'project_id': project_id, 'repository': repository})
        FROM change
        WHERE changed IN (SELECT changed FROM pair)
    ) AS changes,
    (SELECT sum(weight) FROM weighed) AS weights,
    (SELECT sum(weight * difference) FROM weighed) AS value,
    (
        SELECT sum(beyond * beyond)
        FROM (SELECT sum(weight * (difference - mean)) AS beyond FROM weighed GROUP BY place)
    ) AS squares,
    sum(weight * weight * runs) AS spread,
    sum(completed) / sum(runs) AS share,
    coalesce(sum(runs) FILTER (WHERE before > 0), 0)::BIGINT AS before,
    coalesce(sum(runs) FILTER (WHERE after > 0), 0)::BIGINT AS after,
    count(DISTINCT place) AS repositories
FROM
    used
