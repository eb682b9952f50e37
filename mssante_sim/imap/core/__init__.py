"""Octets to commands, responses to octets, and the state between: no loop, socket, store or clock."""
