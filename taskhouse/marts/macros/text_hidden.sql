-- Whether `capture_text = none` stored only the structure of an event and the length of each text. A row from which
-- only a secret was removed is redacted too, but contains `[redacted]`, which a row without its texts never does. An
-- agent can imitate a mark in a text, but not the column `redacted`.
CREATE MACRO main.text_hidden(redacted, payload) AS redacted AND NOT contains(payload, '[redacted]')
