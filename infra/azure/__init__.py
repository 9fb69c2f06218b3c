"""Everything that sends requests to Azure, or to the emulator; no other package imports Azure's packages."""
