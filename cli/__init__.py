"""THE PERSON'S DOOR: the `vsa` command."""
