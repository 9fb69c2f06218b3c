"""`gatelift hub`: fills the emulated Hub's cache, shows what is in it, and removes it."""
