"""Where mail lies: one contract (`api`), one suite of tests, engines beside each other.

Invariants, held by every engine:

1. A call that returns has made its change durable; a call that raises has changed nothing.
2. UIDs of a folder grow strictly and are never given twice, also across processes and restarts.
3. Every change of a folder carries a mod-sequence greater than all before it in that folder.
4. A change is announced after its commit, in commit order, and never before.
5. What one call reads belongs to one instant.
"""
