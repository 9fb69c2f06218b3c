"""An emulator of the Azure ML control plane, its endpoints and the Hugging Face Hub, on loopback."""
