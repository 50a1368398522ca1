"""What a unit of work costs, beside the named peers, in one run: `make bench`."""
