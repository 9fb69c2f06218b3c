"""An emulator of Azure Machine Learning on this machine: Resource Manager, the Hub and the hosts of the containers."""
