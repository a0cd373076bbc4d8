-- Where another event came under the id of the one that was read last: the stream began anew with ids that it had given
-- before. What the stream before held, and what stands in the new one under smaller ids, was not read.
INSERT INTO found BY NAME
SELECT DISTINCT
    project_id,
    run_id,
    after_stream_id,
    first_stream_id AS before_stream_id,
    'another event came under the id of the last one that was read: what stood around it is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    ledger.resumes
    SEMI JOIN judged USING (project_id, run_id)
WHERE
    after_stream_id = first_stream_id
    AND NOT is_joined
