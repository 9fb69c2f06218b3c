"""Whether a model fits on a virtual machine of Azure, and how fast it will be; computed, without any request."""
