"""The real broker and database for every test below this folder; see `backorder_dev.testing`."""

pytest_plugins = ["backorder_dev.testing"]
