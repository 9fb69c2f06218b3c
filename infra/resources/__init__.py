"""The resources of a stack; each describes its state with the field names of the Azure ML YAML schema."""
