"""Commands of whoever runs a server: the server itself, its data, its certificates, and the studio."""
