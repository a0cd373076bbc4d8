-- One row per view or macro in main, with the text that it was made from.
CREATE TABLE ledger.views (
    name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    built_at TIMESTAMPTZ NOT NULL
)
