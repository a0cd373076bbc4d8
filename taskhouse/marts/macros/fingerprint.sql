-- An error message without what differs from one occurrence to the next: terminal colours, URLs, ids, quoted
-- texts, paths and every word with a digit in it are replaced, and it is in lower case. Equal causes have equal
-- fingerprints. NULL if there is no message, or if `capture_text = none` hides it.
CREATE MACRO main.fingerprint(message) AS
    CASE
        WHEN NOT regexp_full_match(message, '\[text [0-9]+ [0-9a-f]{16}\]') THEN nullif(
            left(
                trim(
                    regexp_replace(regexp_replace(regexp_replace(
                    regexp_replace(regexp_replace(regexp_replace(
                    regexp_replace(regexp_replace(regexp_replace(
                    lower(left(message, 4000)),
                    '\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f]', ' ', 'g'),
                    '[a-z][a-z0-9+.-]*://[^\s"''<>)\]}]+', '<url>', 'g'),
                    '"[^"]*"|`[^`]*`|“[^”]*”|‘[^’]*’', '<text>', 'g'),
                    '(^|[^\pL\pN<>])''[^'']*''', '\1<text>', 'g'),
                    '\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b', '<n>', 'g'),
                    '(\b[a-z]:)?[\pL\pN_.~@%+$-]*([/\\][\pL\pN_.~@%+$-]*[\pL\pN_~@%+$-])+[/\\]?', '<path>', 'g'),
                    '[\pL\pN_]*\pN[\pL\pN_]*', '<n>', 'g'),
                    '<n>([-:.,+]+<n>)+', '<n>', 'g'),
                    '\s+', ' ', 'g')
                ),
                300
            ),
            ''
        )
    END
