"""Everything that talks to Azure, or to the emulator in its place; nothing else imports an Azure package."""
