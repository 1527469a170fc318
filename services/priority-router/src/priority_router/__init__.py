"""The queue: who gets the units, when, and why."""
