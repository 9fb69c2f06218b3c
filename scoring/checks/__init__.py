"""What is refused of a request before any engine sees it. Pure functions that raise `Problem`."""
