"""An emulator of Azure Machine Learning on this machine: the control plane, the Hub and the hosts of the containers."""
