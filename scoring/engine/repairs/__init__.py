"""What is mended in vLLM for correctness: one file a repair, each with a test that fails without it."""
