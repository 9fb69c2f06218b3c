"""What `bench emulator` needs: a client that costs little, and a container that streams."""
