"""The queue of a lane as pure functions: `decide` says what follows from an input, `evolve` writes it down."""
