"""Brings the files of a model into the workspace's storage, from this machine or from the Hub."""
