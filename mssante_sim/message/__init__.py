"""Pure MIME over immutable octets: nothing here re-serialises what it has read.

A signature covers exact octets, so a message is never rebuilt from a parsed
form; it is cut at offsets. No loop, socket, clock or chance.
"""
