"""TLS: the certificates that the server shows, those that it asks for, and how a laboratory makes both."""
