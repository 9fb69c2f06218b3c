"""Azure's retail prices of virtual machines: from its public API, a cache, or the table that comes along."""
