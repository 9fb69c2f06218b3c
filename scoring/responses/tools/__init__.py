"""Tools as clients declare them, as functions of a chat request, and calls of them as items of the declared type."""
