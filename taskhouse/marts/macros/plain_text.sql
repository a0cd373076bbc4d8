-- Readable text: without NUL characters, which some tools cannot handle.
CREATE MACRO main.plain_text(raw_text) AS replace(raw_text, chr(0), '')
