-- The sum of the checksums of these rows, each the CRC-32 of its run, place and text; NULL if one of them has none.
ALTER TABLE ledger.segments ADD COLUMN checksum BIGINT
