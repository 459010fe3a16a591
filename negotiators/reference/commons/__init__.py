"""How reference seats share a pool: Markov-perfect play under the law in force, and what follows from it."""
