"""Tells everyone concerned, by email and push, once."""
