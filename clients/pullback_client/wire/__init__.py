"""Wire between client and server: the transport, its tokens, and what messages are made of."""
