"""Resources of a server, each with the calls that it takes: `Client` is made of them."""
