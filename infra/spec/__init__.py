"""The YAML spec: its fields, its rules, and the messages for mistakes in it."""
