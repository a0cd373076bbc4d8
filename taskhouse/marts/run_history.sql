-- One row per version of a run: what it looked like from valid_from until valid_to.
SELECT
    * EXCLUDE (content_hash, payload_sha256, page, observed_in, valid_from, pass_id, payload),
    observed_in,
    valid_from,
    lead(valid_from) OVER version AS valid_to,
    lead(valid_from) OVER version IS NULL AS is_current,
    payload,
    pass_id
FROM
    raw.run_versions
WINDOW
    version AS (PARTITION BY project_id, run_id ORDER BY valid_from)
