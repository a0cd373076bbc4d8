"""The life of one attempt to read one resource of one project: opened, counted, judged and closed."""
