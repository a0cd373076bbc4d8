"""A folder for each resource: what to ask the server, and what to keep of the answer."""
