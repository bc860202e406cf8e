"""The generated data set that `make demo` and the tests train on, and the demo's drawings."""
