"""Compares a spec with what exists on Azure, makes a plan from the differences, and applies it."""
