-- The Monday on which the week of a day begins.
CREATE MACRO main.monday_of(day) AS CAST(day AS DATE) - (CAST(isodow(CAST(day AS DATE)) AS INTEGER) - 1)
