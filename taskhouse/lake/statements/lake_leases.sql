-- Who works on what in a lake, in a table of the catalogue beside DuckLake's own, by the catalogue's clock. These
-- statements run in PostgreSQL or in SQLite: {now} is the time there, in seconds, and the other names in braces are
-- literals. A shard stays that of its home when its lease ends.

-- name: table
CREATE TABLE IF NOT EXISTS taskhouse_leases (
    name VARCHAR(200) PRIMARY KEY,
    home VARCHAR(200) NOT NULL,
    place VARCHAR(2000) NOT NULL,
    holder VARCHAR(200) NOT NULL,
    until DOUBLE PRECISION NOT NULL
)

-- name: claim
-- Taken if it is free: nobody has it, its time is over, or its holder was a process of the same home at the same place,
-- which must be dead, since this process has the lock of that home.
INSERT INTO taskhouse_leases (name, home, place, holder, until)
VALUES ({name}, {home}, {place}, {holder}, {now} + {seconds})
ON CONFLICT (name) DO UPDATE SET
    home = excluded.home,
    place = excluded.place,
    holder = excluded.holder,
    until = excluded.until
WHERE
    taskhouse_leases.holder = excluded.holder
    OR (
        (taskhouse_leases.home = excluded.home OR {any_home})
        AND (taskhouse_leases.place = excluded.place OR taskhouse_leases.until < {now})
    )

-- name: held
SELECT
    home,
    place,
    holder,
    until - {now} AS left_s
FROM
    taskhouse_leases
WHERE
    name = {name}

-- name: release
UPDATE taskhouse_leases
SET
    until = 0
WHERE
    name = {name}
    AND holder = {holder}
