//! Asks the service about one token, and remembers the answer for a moment.
