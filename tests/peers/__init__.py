"""Programs that are not ours, each started as a private instance that a test or a benchmark owns.

A peer keeps everything (configuration, sockets, queue, mail, log) in one
scratch directory, listens on free ports of 127.0.0.1 only, reads and writes no
file of the system, and stops exactly the processes that it started.
"""
