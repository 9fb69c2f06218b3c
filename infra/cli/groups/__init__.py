"""Commands that have commands of their own, one file a group."""
