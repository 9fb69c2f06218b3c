"""What a client asks for: the body of a Responses request read leniently where clients are sloppy, no more."""
