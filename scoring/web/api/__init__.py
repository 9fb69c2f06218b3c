"""What is answered by routers of FastAPI: all but probes and the relayed paths. Not imported before we listen."""
