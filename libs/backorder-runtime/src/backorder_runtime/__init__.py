"""The engine every back-order service runs on."""
