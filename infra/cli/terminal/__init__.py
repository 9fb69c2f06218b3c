"""What every command shares: common options, the output streams, colour."""
