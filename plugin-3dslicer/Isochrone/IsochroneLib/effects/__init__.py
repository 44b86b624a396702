"""Tools of the slice views."""
