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

-- The runs and tasks whose texts are in it, and from which state of them; a task has no run.
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    run_id TEXT,
    repository TEXT,
    mark TEXT NOT NULL
);

-- Projects, repositories and kinds of texts, each a word of the column facets.
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (kind, name)
);

-- Which copy it was last brought up to, and how many runs and tasks of it are still to be read.
CREATE TABLE state (
    home TEXT,
    copy TEXT NOT NULL,
    waiting INTEGER NOT NULL
);
