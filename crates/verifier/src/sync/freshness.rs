//! How old what is known is: pure arithmetic on the service's stamps and the boot clock.
