"""Stock positions and inbound deliveries of every lane."""
