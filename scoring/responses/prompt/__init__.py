"""From items to the chat request that the engine is sent: messages, calls and what they returned, reasoning."""
