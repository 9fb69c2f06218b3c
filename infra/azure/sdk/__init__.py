"""The Azure packages: azure-ai-ml and blob uploads, imported only when something is created."""
