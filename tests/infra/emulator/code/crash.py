"""A scoring program that cannot start."""

raise SystemExit("out of luck")
