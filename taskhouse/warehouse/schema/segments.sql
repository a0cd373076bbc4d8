-- One row per spool segment that was loaded; lines = inserted + duplicates + set_aside + marks.
CREATE TABLE ledger.segments (
    segment VARCHAR NOT NULL,
    layer VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    inserted BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    set_aside BIGINT NOT NULL,
    marks BIGINT NOT NULL,
    first_ms UBIGINT,
    last_ms UBIGINT,
    loaded_at TIMESTAMPTZ NOT NULL
)
