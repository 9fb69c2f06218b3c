"""What an emulator holds at its first start."""
