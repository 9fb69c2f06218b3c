"""The emulated Hugging Face Hub; `server` serves it and fills it from the seed."""
