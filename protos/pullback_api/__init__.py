"""Pullback's contract: protocol buffers and the gRPC stubs generated from them."""
