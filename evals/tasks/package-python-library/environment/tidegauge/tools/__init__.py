"""Tools of the makers."""
