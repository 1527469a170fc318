"""Who owns which unit of stock: pure, no I/O, no clock."""
