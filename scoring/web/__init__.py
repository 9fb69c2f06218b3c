"""The HTTP surface: one plain ASGI callable that asks for a key, hands requests on, and sees every answer end."""
