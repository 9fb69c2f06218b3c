"""What an emulator stores: documents and secrets in SQLite, settings, the files of its state folder."""
