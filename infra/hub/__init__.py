"""The Hugging Face Hub: what it says about models and tokens, and the demo models for the emulated one."""
