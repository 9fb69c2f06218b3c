"""What Resource Manager checks about every request before a provider sees it."""
