"""Mon espace santé as its application uses it: everything over `/mes/v1`, nothing by a way of its own.

Tokens lie in the home's `sessions.json`; nothing else that a patient wrote or received is kept on this side.
"""
