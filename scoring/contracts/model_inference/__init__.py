"""The Azure AI Model Inference API: its fields, requests, answers and document."""
