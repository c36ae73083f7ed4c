//! The one alias to the crypto backend: `aws-lc-rs`, or `ring` where that feature alone is on. Both offer one API.

#[cfg(feature = "aws-lc-rs")]
pub(crate) use aws_lc_rs::*;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use ring::*;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("choose a crypto backend: feature `aws-lc-rs` or `ring`");
