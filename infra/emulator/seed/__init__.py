"""The content of an emulator at its first start: `launcher` checks seed files, `server` applies them."""
