-- Whether `capture_text = none` left only the structure of an event, and marks of the length of each text. A row that
-- merely lost a secret is redacted too, and says so with `[redacted]`, which a row without its texts never holds. What
-- an agent writes can imitate a mark, but not this.
CREATE MACRO main.text_hidden(redacted, payload) AS redacted AND NOT contains(payload, '[redacted]')
