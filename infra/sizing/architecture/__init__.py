"""What a model's config.json and the heads of its files say: weights, layers, and what a token takes of the cache."""
