//! The HTTP client: limits, authentication, TLS.
