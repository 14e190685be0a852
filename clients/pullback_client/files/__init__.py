"""Files as the client writes them."""
