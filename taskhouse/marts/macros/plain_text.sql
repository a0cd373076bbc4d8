-- Text as people can read it: without NUL characters, which some tools cannot hold.
CREATE MACRO main.plain_text(raw_text) AS replace(raw_text, chr(0), '')
