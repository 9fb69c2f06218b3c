"""How far requests have moved to a new deployment: the record on the endpoint, and the writes that move them."""
