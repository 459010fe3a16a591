"""Pictures of training: its curves, and the model before and after side by side."""
