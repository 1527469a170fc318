"""A real broker and database without Docker, the local run, the demo, test fixtures."""
