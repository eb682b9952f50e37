"""The simulated Annuaire Santé: who exists, who may be written to, how they are found."""
