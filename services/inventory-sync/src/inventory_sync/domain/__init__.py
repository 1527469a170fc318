"""What stock records and supplier deliveries mean for a lane: pure, no I/O."""
