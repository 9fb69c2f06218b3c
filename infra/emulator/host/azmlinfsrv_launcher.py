"""Runs Azure's inference server as its command does, but on 127.0.0.1: the command only listens on 0.0.0.0."""

from azureml_inference_server_http import amlserver  # type: ignore[import-untyped]

if __name__ == "__main__":
    amlserver.DEFAULT_HOST = "127.0.0.1"
    amlserver.run()
