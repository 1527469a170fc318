"""`backorder dlq`: what the services refused, looked at, published again, or put aside."""
