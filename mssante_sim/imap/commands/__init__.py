"""The handlers; `table.HANDLERS` says which command is whose, `core.states.RULES` when it may run."""
