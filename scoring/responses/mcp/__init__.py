"""Tools of MCP servers, called from here: which servers may be asked, what they offer, and what their calls return."""
