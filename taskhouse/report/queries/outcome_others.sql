-- The same weeks in the repositories of the project whose readiness did not change in them. `value` is a weighted mean:
-- for each change the common difference of the others, and over the changes the weights of the changes themselves. So
-- each run has a weight, and `spread` is the sum of their squares, since one run can stand beside several changes.
-- The runs of each pair come from running totals, and the weights of the runs of a day from where the weeks of a pair
-- begin and end, so that no run is joined with every change.
WITH change AS (
    SELECT
        *
    FROM
        outcome_changes
        INNER JOIN (
            SELECT
                unnest($ids::BIGINT[]) AS project_id,
                unnest($names::VARCHAR[]) AS repository,
                unnest($weights::DOUBLE[]) AS weight
        ) USING (project_id, repository)
),

total AS (
    SELECT
        place.project_id,
        place.repository,
        place.day,
        sum(coalesce(run.runs, 0)) OVER repository AS runs,
        sum(coalesce(run.completed, 0)) OVER repository AS completed
    FROM
        (
            SELECT
                project_id,
                repository,
                day
            FROM
                (SELECT DISTINCT project_id, repository FROM outcome_runs)
                CROSS JOIN (
                    SELECT
                        unnest(
                            generate_series(min(before_since) - INTERVAL 1 DAY, max(after_until), INTERVAL 1 DAY)
                        )::DATE AS day
                    FROM
                        change
                )
        ) AS place
        LEFT JOIN outcome_runs AS run USING (project_id, repository, day)
    WINDOW
        repository AS (PARTITION BY place.project_id, place.repository ORDER BY place.day)
),

pair AS (
    SELECT
        change.project_id,
        change.repository AS changed,
        other.repository,
        change.weight,
        change.before_since,
        change.before_until,
        change.after_since,
        change.after_until,
        before_end.runs - before_begin.runs AS before,
        before_end.completed - before_begin.completed AS completed_before,
        after_end.runs - after_begin.runs AS after,
        after_end.completed - after_begin.completed AS completed_after
    FROM
        change
        INNER JOIN outcome_stretches AS other
            ON change.project_id = other.project_id
            AND change.repository <> other.repository
            AND other.kind <> 'unknown'
            AND other.first_day <= change.before_since
            AND other.last_day >= change.after_until
        INNER JOIN total AS before_begin
            ON other.project_id = before_begin.project_id
            AND other.repository = before_begin.repository
            AND before_begin.day = change.before_since - 1
        INNER JOIN total AS before_end
            ON other.project_id = before_end.project_id
            AND other.repository = before_end.repository
            AND before_end.day = change.before_until
        INNER JOIN total AS after_begin
            ON other.project_id = after_begin.project_id
            AND other.repository = after_begin.repository
            AND after_begin.day = change.after_since - 1
        INNER JOIN total AS after_end
            ON other.project_id = after_end.project_id
            AND other.repository = after_end.repository
            AND after_end.day = change.after_until
    WHERE
        before_end.runs > before_begin.runs
        AND after_end.runs > after_begin.runs
),

weighed AS (
    SELECT
        * REPLACE (
            weight * (after * before / (after + before))
            / sum(after * before / (after + before)) OVER (PARTITION BY project_id, changed) AS weight
        )
    FROM
        pair
),

edge AS (
    SELECT
        project_id, repository, before_since AS day, -weight / before AS weight, 1 AS before, 0 AS after
    FROM
        weighed
    UNION ALL
    SELECT
        project_id, repository, before_until + 1, weight / before, -1, 0
    FROM
        weighed
    UNION ALL
    SELECT
        project_id, repository, after_since, weight / after, 0, 1
    FROM
        weighed
    UNION ALL
    SELECT
        project_id, repository, after_until + 1, -weight / after, 0, -1
    FROM
        weighed
),

step AS (
    SELECT
        project_id,
        repository,
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
        project_id,
        repository,
        run.runs,
        run.completed,
        sum(step.weight) OVER repository AS weight,
        sum(step.before) OVER repository AS before,
        sum(step.after) OVER repository AS after
    FROM
        step
        FULL JOIN outcome_runs AS run USING (project_id, repository, day)
    WINDOW
        repository AS (PARTITION BY project_id, repository ORDER BY day)
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
    (SELECT list(DISTINCT {'project_id': project_id, 'repository': changed}) FROM pair) AS changes,
    (SELECT sum(weight) FROM weighed) AS weights,
    (SELECT sum(weight * (completed_after / after - completed_before / before)) FROM weighed) AS value,
    sum(weight * weight * runs) AS spread,
    sum(completed) / sum(runs) AS share,
    coalesce(sum(runs) FILTER (WHERE before > 0), 0)::BIGINT AS before,
    coalesce(sum(runs) FILTER (WHERE after > 0), 0)::BIGINT AS after,
    count(DISTINCT (project_id, repository)) AS repositories
FROM
    used
