"""Readers of what the services answer: pure, strict, and each says where it found a fault."""
