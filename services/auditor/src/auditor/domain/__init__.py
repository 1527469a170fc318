"""What must be true of a lane, in numbers: no I/O."""
