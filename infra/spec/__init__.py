"""The YAML spec: its model, its rules, and how each mistake in it is reported."""
