"""Pytest fixtures that start a stack; registered as the `pytest11` entry point."""
