"""The HTTP surface: one plain ASGI callable that finds the route, asks for a key, admits, and sees every answer end."""
