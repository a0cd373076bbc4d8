-- The time at which a day begins, in the time zone of `day_zone()`; NULL for a day before year 1 or after year 9999.
CREATE MACRO main.day_start(day) AS
    CASE
        WHEN day BETWEEN DATE '0001-01-02' AND DATE '9999-12-30'
            THEN timezone(main.day_zone(), TRY_CAST(day AS TIMESTAMP))
    END
