"""The commands about how much: how large a model is, what it costs, how many instances run."""
