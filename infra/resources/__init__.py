"""The resources of a stack, each in the shape of the Azure ML YAML schema."""
