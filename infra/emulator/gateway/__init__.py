"""What every service of the emulator needs to be reached: listeners, TLS, fault injection."""
