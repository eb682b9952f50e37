"""Drives a real Thunderbird: its own remote protocol, a fresh profile, a virtual screen."""
