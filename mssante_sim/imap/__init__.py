"""The IMAP server: a core without sockets, handlers, rendering, and the shell that has the socket.

1. Nothing is written to a client under a lock of the store, and no read transaction is open across a write.
2. A change is told only after its commit, in commit order, and only when the client's numbers allow it.
3. Every command's preconditions and transitions stand in `core.states`; no handler asks for them.
4. What is advertised is implemented, or the server does not start.
"""
