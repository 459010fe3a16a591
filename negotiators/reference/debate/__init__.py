"""How a reference seat debates: a declared utility, its exact optimum, and a published way of giving ground."""
