"""Parts of the serving bench: processes, a light client, the null engine, statistics, the report."""
