"""Tools as clients declare them, as functions of a chat request, and what comes back told as they were declared."""
