"""For whoever makes an SDK: each documented answer is played to it, and what it sends and understands is judged."""
