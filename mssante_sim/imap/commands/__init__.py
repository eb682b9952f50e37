"""One handler a command: asked for by the session, given the store, answered with typed responses."""
