-- The newest texts that match, copied for ranking: bm25 reads every text that has a word, however many those are.
CREATE VIRTUAL TABLE temp.candidates USING fts5(
    text,
    parts,
    facets,
    kind UNINDEXED,
    subject UNINDEXED,
    place UNINDEXED,
    at UNINDEXED,
    tokenize = 'unicode61 remove_diacritics 2'
)
