"""The summary's checks: each compares a number from the demo's own account with what the services published."""
