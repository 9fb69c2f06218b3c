"""The commands of `gatelift emulator`."""
