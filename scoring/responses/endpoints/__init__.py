"""What answers each path below /v1/responses and /v1/conversations, over the records that are kept."""
