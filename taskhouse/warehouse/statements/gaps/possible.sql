-- What may be missing at the seams.
INSERT INTO found BY NAME
SELECT
    *,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    suspected
