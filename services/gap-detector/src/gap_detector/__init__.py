"""Notices a shortage the moment an order is placed; the ledger of who owns which stock."""
