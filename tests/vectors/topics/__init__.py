"""The vectors, a topic a file."""
