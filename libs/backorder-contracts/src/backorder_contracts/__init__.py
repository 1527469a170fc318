"""The public contract: envelope, event models, topic registry."""
