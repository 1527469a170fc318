"""Compares the two ledgers of every lane, and says where they drift apart."""
