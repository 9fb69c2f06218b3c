"""What a client asks for: the body of a Responses request checked, and put into one form whichever client sent it."""
