//! Keeps the key set: fetched when due or when a key is unknown, joined, cooled down, swapped whole.
