"""The Responses and Conversations APIs above chat completions, and what is kept of them."""
