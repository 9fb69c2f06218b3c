"""Emulates Azure Machine Learning and the Hugging Face Hub on this machine; `launcher` starts and stops it."""
