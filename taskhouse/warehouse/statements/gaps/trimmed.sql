-- Trims that the server announced. Where the agent numbered what stands on both sides, its numbers tell what is missing:
-- holes that they prove stand as gaps of their own, and without a hole all is held. Otherwise something is missing for certain.
INSERT INTO found BY NAME
SELECT
    trims.project_id,
    trims.run_id,
    trims.after_stream_id,
    trims.before_stream_id,
    'the server announced that it had trimmed the stream: '
    || CASE
        WHEN trims.is_counted THEN 'the agent''s numbers show that all it sent is held'
        ELSE 'what it held here was not received live'
    END AS how,
    TRUE AS certain,
    trims.is_counted AS repaired_from_log
FROM
    trims
WHERE
    NOT (
        trims.is_counted
        AND EXISTS (
            SELECT 1 FROM holes
            WHERE
                holes.project_id = trims.project_id
                AND holes.run_id = trims.run_id
                AND holes.boot = trims.boot
                AND holes.first > trims.after_number
                AND holes.last < trims.before_number
        )
    )
