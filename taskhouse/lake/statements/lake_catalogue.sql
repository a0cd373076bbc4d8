-- What taskhouse keeps in the catalogue beside DuckLake's own tables: who works on what, which shard publishes which
-- project, and what was erased. These statements run in PostgreSQL or in SQLite: {now} is the time there, in seconds,
-- and the other names in braces are literals.

-- name: leases
-- A shard stays that of its home when its lease ends.
CREATE TABLE IF NOT EXISTS taskhouse_leases (
    name VARCHAR(200) PRIMARY KEY,
    home VARCHAR(200) NOT NULL,
    place VARCHAR(2000) NOT NULL,
    holder VARCHAR(200) NOT NULL,
    until DOUBLE PRECISION NOT NULL
)

-- name: projects
CREATE TABLE IF NOT EXISTS taskhouse_projects (
    project_id BIGINT PRIMARY KEY,
    shard VARCHAR(200) NOT NULL
)

-- name: erased
-- Ids of runs and tasks that must not be published again.
CREATE TABLE IF NOT EXISTS taskhouse_erased (
    id VARCHAR(1000) PRIMARY KEY
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

-- name: forget_lease
DELETE FROM taskhouse_leases
WHERE
    name = {name}

-- name: take
-- Projects of a shard, unless they are those of another.
INSERT INTO taskhouse_projects (project_id, shard)
VALUES {rows}
ON CONFLICT (project_id) DO NOTHING

-- name: taken
-- Which of these projects other shards have.
SELECT
    project_id,
    shard
FROM
    taskhouse_projects
WHERE
    project_id IN ({ids})
    AND shard <> {shard}
ORDER BY
    project_id

-- name: give_up
-- The projects of a shard but for these.
DELETE FROM taskhouse_projects
WHERE
    shard = {shard}
    AND project_id NOT IN ({ids})

-- name: erased_ids
SELECT
    id
FROM
    taskhouse_erased

-- name: erase
INSERT INTO taskhouse_erased (id)
VALUES {rows}
ON CONFLICT (id) DO NOTHING
