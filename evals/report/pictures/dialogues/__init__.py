"""Pictures of deliberations: the dialogue round by round, what each seat saw, how far judges agree."""
