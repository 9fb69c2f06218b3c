"""Where responses are kept: in memory, in SQLite or in Redis, by one protocol."""
