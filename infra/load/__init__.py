"""Asks a running endpoint as clients do, and measures: time to the first token, gaps, errors."""
