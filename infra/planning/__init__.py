"""From a spec and the live state to a plan, and from a plan to changes."""
