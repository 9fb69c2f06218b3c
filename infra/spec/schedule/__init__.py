"""Times of the week in words, and the names that Azure Monitor has for their time zones."""
