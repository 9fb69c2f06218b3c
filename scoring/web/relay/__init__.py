"""Answers of a front end behind a Unix socket, handed on byte by byte: HTTP/1.1, and nothing of what is in it."""
