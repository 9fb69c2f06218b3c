"""The two front ends of vLLM that answer for one engine: which of them answers what, and how the Rust one is run."""
