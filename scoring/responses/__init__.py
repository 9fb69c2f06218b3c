"""The Responses API with a store: what requests refer to comes from it, what clients get goes into it."""
