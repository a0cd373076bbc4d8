-- The trend of the repositories that the report is about.
CREATE OR REPLACE TEMP VIEW report_trend AS
SELECT
    * EXCLUDE (is_wanted)
FROM
    report_readiness
WHERE
    is_wanted
