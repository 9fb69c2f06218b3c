"""The HTTP layer below every service: listeners, TLS, messages, rate limits and fault injection."""
