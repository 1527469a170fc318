"""What the fault campaign is made of."""
