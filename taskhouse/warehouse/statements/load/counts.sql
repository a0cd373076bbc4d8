-- What became of the events of the batch, by segment, and the sum of the checksums of those that are inserted; unknown if
-- one of them has none, since an older version captured it.
SELECT
    staged.segment,
    count(*) FILTER (WHERE line_kind IN ('mark', 'resume')) AS marks,
    count(*) FILTER (WHERE inserts) AS inserted,
    CASE
        WHEN count(*) FILTER (WHERE inserts AND checksum IS NULL) = 0
            THEN CAST(coalesce(sum(checksum) FILTER (WHERE inserts), 0) AS BIGINT)
    END AS checksum
FROM
    (
        SELECT
            staged.*,
            line_kind = 'event' AND (judged.line IS NULL OR judged.incarnation IS NOT NULL) AS inserts
        FROM
            staged
            LEFT JOIN judged
                ON staged.line = judged.line
    ) AS staged
GROUP BY
    staged.segment
