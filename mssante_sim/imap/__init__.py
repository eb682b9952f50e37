"""The IMAP server: a protocol core without I/O, handlers over the store, and a socket around both.

    core          octets → frames → commands → rules → responses → octets; no clock, no socket, no await
    commands      one handler for each command; they read and change the store
    render        from stored rows and octets to FETCH answers
    connection    a transport, its timers and the task of a running handler
    server        two listeners, their limits, starting and stopping

What holds everywhere:

1. A message number means the same message from one EXPUNGE that the client was sent to the next.
2. A change is told to a client only after the store has committed it, and in the order of commits.
3. Nothing of the store is held while a client takes what was written, however long that lasts.
4. Nothing a peer sends makes the server hold more than `core.limits` says, or end more than that connection.
5. A client is told what is wrong with its command, never what is wrong with the server.
"""
