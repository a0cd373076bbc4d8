-- The same weeks in the repositories of the project whose readiness did not change in them. `value` is a weighted sum
-- over these runs: for each change the common difference of the others, and over the changes the weights of the changes
-- themselves. `spread` is the sum of the squares of each run's weight, since one run can stand beside several changes.
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

beside AS (
    SELECT
        change.project_id,
        change.repository AS changed,
        change.weight,
        run.repository,
        run.day,
        run.runs,
        run.completed,
        run.day >= change.after_since AS is_after
    FROM
        change
        INNER JOIN outcome_stretches AS other
            ON change.project_id = other.project_id
            AND change.repository <> other.repository
            AND other.kind <> 'unknown'
            AND other.first_day <= change.before_since
            AND other.last_day >= change.after_until
        INNER JOIN outcome_runs AS run
            ON other.project_id = run.project_id
            AND other.repository = run.repository
            AND (
                run.day BETWEEN change.before_since AND change.before_until
                OR run.day BETWEEN change.after_since AND change.after_until
            )
),

pair AS (
    SELECT
        project_id,
        changed,
        repository,
        any_value(weight) AS weight,
        sum(runs) FILTER (WHERE is_after) AS after,
        sum(runs) FILTER (WHERE NOT is_after) AS before
    FROM
        beside
    GROUP BY
        ALL
    HAVING
        after > 0
        AND before > 0
),

weighed AS (
    SELECT
        project_id,
        changed,
        repository,
        after,
        before,
        weight * (after * before / (after + before))
            / sum(after * before / (after + before)) OVER (PARTITION BY project_id, changed) AS weight
    FROM
        pair
),

counted AS (
    SELECT
        beside.project_id,
        beside.repository,
        beside.day,
        any_value(beside.runs) AS runs,
        any_value(beside.completed) AS completed,
        bool_or(beside.is_after) AS is_after,
        bool_or(NOT beside.is_after) AS is_before,
        sum(CASE WHEN is_after THEN weighed.weight / weighed.after ELSE -weighed.weight / weighed.before END) AS weight
    FROM
        beside
        INNER JOIN weighed USING (project_id, changed, repository)
    GROUP BY
        ALL
)

SELECT
    (
        SELECT list(DISTINCT {'project_id': project_id, 'repository': changed}) FROM pair
    ) AS changes,
    (SELECT sum(weight) FROM weighed) AS weights,
    sum(weight * completed) AS value,
    sum(weight * weight * runs) AS spread,
    sum(completed) / sum(runs) AS share,
    coalesce(sum(runs) FILTER (WHERE is_before), 0)::BIGINT AS before,
    coalesce(sum(runs) FILTER (WHERE is_after), 0)::BIGINT AS after,
    count(DISTINCT (project_id, repository)) AS repositories
FROM
    counted
