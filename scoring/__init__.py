"""The scoring server: vLLM in process, behind the HTTP surface that Azure Machine Learning and its clients expect.

Runs inside the container, uploaded alone as the code asset: it imports nothing of the project from outside this folder.
"""
