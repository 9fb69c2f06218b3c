"""One serving process: from its first log line to its exit code, alone or inside Azure's inference server."""
