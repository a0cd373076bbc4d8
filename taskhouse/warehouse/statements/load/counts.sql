-- What became of the events of the batch, by segment.
SELECT
    staged.segment,
    count(*) FILTER (WHERE line_kind IN ('mark', 'resume')) AS marks,
    count(*) FILTER (WHERE line_kind = 'event' AND (judged.line IS NULL OR judged.incarnation IS NOT NULL)) AS inserted
FROM
    staged
    LEFT JOIN judged
        ON staged.line = judged.line
GROUP BY
    staged.segment
