-- One row per pull request and change of its state, with the bounds between which it changed: PostHog says what the
-- state is, not since when. A filter `is_current` gives one row per pull request, however many runs and tasks name it.
-- `pr_cost` has what it cost.
-- Key: `project_id`, `pr_url`, `changed_before`.
--
-- project_id: The PostHog project.
-- pr_url: Its URL.
-- repository: `organization/repository`, from the URL; NULL if the URL has another form.
-- number: Its number, from the URL.
-- state: `open`, `draft`, `merged` or `closed`; NULL until the server says one. What is said after it was merged is
--   left out.
-- previous_state: The state before; NULL for the first row.
-- changed_after: The last look of this run at which it was in another state. If this run showed no other, the same as
--   `opened_after`.
-- changed_before: The first look at which it was in this state.
-- is_current: Whether it is the newest state.
-- task_id: Task of the run that showed it.
-- run_id: The run that showed it first.
-- opened_after: The last look at which a run that names it did not name it; when the run was created, if the first look
--   named it. It rests on one of the runs that name it having opened it. On every row of the pull request.
-- opened_before: The first look at which a run named it.
-- merged_after: `changed_after` of the state `merged`; NULL if it was not seen merged.
-- merged_before: `changed_before` of it: it was merged between the two.
WITH first_named AS (
    SELECT
        project_id,
        pr_url,
        run_id,
        min(valid_from) AS named_at,
        coalesce(arg_min_null(looked_before, valid_from), min(run_created_at)) AS not_named_at
    FROM
        main.pr_versions
    GROUP BY
        project_id,
        pr_url,
        run_id
),

opened AS (
    SELECT
        project_id,
        pr_url,
        min(named_at) AS opened_before,
        -- One run without a known bound leaves the whole pull request without one.
        CASE WHEN count(not_named_at) = count(*) THEN least(min(not_named_at), min(named_at)) END AS opened_after
    FROM
        first_named
    GROUP BY
        project_id,
        pr_url
),

shown AS (
    SELECT
        *,
        lag(state) OVER run AS run_state_before,
        lag(valid_from) OVER run AS run_looked_before
    FROM
        main.pr_versions
    WHERE
        state IS NOT NULL
    WINDOW
        run AS (PARTITION BY project_id, pr_url, run_id ORDER BY valid_from ASC)
),

-- A run that still says what it said before tells nothing new, even if another run said something else meanwhile.
said AS (
    SELECT
        shown.project_id,
        shown.pr_url,
        shown.task_id,
        shown.run_id,
        shown.state,
        coalesce(shown.run_looked_before, opened.opened_after) AS changed_after,
        shown.valid_from AS changed_before
    FROM
        shown
        INNER JOIN opened
            ON shown.project_id = opened.project_id
            AND shown.pr_url = opened.pr_url
    WHERE
        shown.run_state_before IS DISTINCT FROM shown.state
    UNION ALL BY NAME
    SELECT
        version.project_id,
        version.pr_url,
        arg_min(version.task_id, version.run_id) AS task_id,
        min(version.run_id) AS run_id,
        opened.opened_after AS changed_after,
        opened.opened_before AS changed_before
    FROM
        opened
        INNER JOIN main.pr_versions AS version
            ON opened.project_id = version.project_id
            AND opened.pr_url = version.pr_url
            AND opened.opened_before = version.valid_from
    GROUP BY
        version.project_id,
        version.pr_url,
        opened.opened_after,
        opened.opened_before
    HAVING
        count(version.state) = 0
),

until_merged AS (
    SELECT
        *,
        count(*) FILTER (WHERE state = 'merged') OVER (
            PARTITION BY project_id, pr_url
            ORDER BY changed_before ASC, coalesce(state, '') ASC, run_id ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS merged_already,
        lag(state) OVER request AS state_before,
        row_number() OVER request AS nth
    FROM
        said
    WINDOW
        request AS (PARTITION BY project_id, pr_url ORDER BY changed_before ASC, coalesce(state, '') ASC, run_id ASC)
),

changed AS (
    SELECT
        *
    FROM
        until_merged
    WHERE
        merged_already = 0
        AND (nth = 1 OR state_before IS DISTINCT FROM state)
)

SELECT
    changed.project_id,
    changed.pr_url,
    nullif(lower(regexp_extract(changed.pr_url, '^https?://[^/]+/([^/]+/[^/]+)/pull/[0-9]+', 1)), '') AS repository,
    TRY_CAST(regexp_extract(changed.pr_url, '/pull/([0-9]+)', 1) AS BIGINT) AS number,
    changed.state,
    changed.state_before AS previous_state,
    changed.changed_after,
    changed.changed_before,
    lead(changed.project_id) OVER request IS NULL AS is_current,
    changed.task_id,
    changed.run_id,
    opened.opened_after,
    opened.opened_before,
    max(CASE WHEN changed.state = 'merged' THEN changed.changed_after END) OVER whole AS merged_after,
    max(CASE WHEN changed.state = 'merged' THEN changed.changed_before END) OVER whole AS merged_before
FROM
    changed
    INNER JOIN opened
        ON changed.project_id = opened.project_id
        AND changed.pr_url = opened.pr_url
WINDOW
    whole AS (PARTITION BY changed.project_id, changed.pr_url),
    request AS (PARTITION BY changed.project_id, changed.pr_url ORDER BY changed.nth ASC)
