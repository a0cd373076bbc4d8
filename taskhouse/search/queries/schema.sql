-- The index. A rowid is the time of a text, in milliseconds times 16, so the newest texts have the largest.
CREATE VIRTUAL TABLE documents USING fts5(
    text,
    parts,
    facets,
    kind UNINDEXED,
    subject UNINDEXED,
    place UNINDEXED,
    at UNINDEXED,
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3 4'
);

-- The runs and tasks whose texts are in it, and from which state of them. A task has no run, and a run no title.
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    run_id TEXT,
    repository TEXT,
    title TEXT,
    mark TEXT NOT NULL,
    bucket TEXT NOT NULL
);

CREATE INDEX subjects_by_bucket ON subjects (bucket);

CREATE INDEX subjects_by_run ON subjects (run_id);

CREATE INDEX tasks_by_id ON subjects (task_id) WHERE run_id IS NULL;

-- Projects, repositories and kinds of texts, each a word of the column facets.
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (kind, name)
);

-- What the marks of a bucket were together when all of them were read.
CREATE TABLE buckets (
    bucket TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL
);

-- Which copy it was last brought up to, and how many runs and tasks of it are still to be read.
CREATE TABLE state (
    home TEXT,
    copy TEXT NOT NULL,
    waiting INTEGER NOT NULL
);
