"""Where a model's files come from: a mounted asset, a folder, blob storage, or the Hugging Face Hub."""
