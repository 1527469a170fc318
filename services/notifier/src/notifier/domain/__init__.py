"""Who hears of what, in which words, and when a try is made again. Pure: no I/O, no clock, no randomness."""
