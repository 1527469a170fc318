"""What the engine's tests run on."""
