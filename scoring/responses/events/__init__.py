"""From the chunks of a chat answer to the items and events of a response: no input, no output, no clock."""
