//! Follows the feed: snapshot, stream, acknowledgements, reconnects.
