"""STATE: what we watch and what we saw. The only room with SQL."""
