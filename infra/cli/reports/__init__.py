"""Reports that are written as files: HTML and JSON."""
