"""Parts of `scripts/bench abuse`."""
