"""The emulated Hugging Face Hub."""
