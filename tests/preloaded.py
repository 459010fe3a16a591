"""What has a process read before it forks for commands: the catalogue of dilemmas, which each would read again."""

from scenarios.dilemmas.load import catalogue

catalogue()
