"""Azure Resource Manager and its providers, one file or folder for each resource type; `server` serves it."""
