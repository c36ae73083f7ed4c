//! The headers of good tokens. All tokens of one key begin with the same bytes, so they are read once a key and version of
//! the key set, and the remembered tokens of a key share one header in memory.
//!
//! Only what stood before a good signature is kept, and it is found again only whole, byte for byte: what strangers send
//! takes the strict path every time and leaves nothing here.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::header::Header;
use crate::jws::VerifyingKey;

/// A header that was read, and the key that it names.
#[derive(Debug)]
pub(crate) struct KnownHeader {
    /// The decoded segment.
    pub(crate) bytes: Vec<u8>,
    /// The key set's version, read before the key was looked up.
    pub(crate) version: u64,
    pub(crate) header: Arc<Header>,
    pub(crate) key: Arc<VerifyingKey>,
}

/// A few of them.
#[derive(Default)]
pub(crate) struct KnownHeaders(ArcSwap<Vec<Arc<KnownHeader>>>);

impl KnownHeaders {
    /// More than the keys that sign at one time; holders of good tokens cannot make it grow beyond.
    const MAX: usize = 8;

    /// What these bytes were read as under this version.
    pub(crate) fn find(&self, bytes: &[u8], version: u64) -> Option<Arc<KnownHeader>> {
        let known = self.0.load();
        known.iter().find(|known| known.version == version && known.bytes == bytes).map(Arc::clone)
    }

    /// Keeps a header that a good signature covers, in place of those of other versions and, when it is full, of all.
    pub(crate) fn insert(&self, header: &Arc<KnownHeader>) {
        self.0.rcu(|known| {
            let mut next: Vec<_> =
                known.iter().filter(|known| known.version == header.version).cloned().collect();
            if next.len() == Self::MAX {
                next.clear();
            }
            next.push(Arc::clone(header));
            next
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwk::Jwk;

    fn header(n: u8, version: u64) -> Arc<KnownHeader> {
        Arc::new(KnownHeader {
            bytes: vec![n; 3],
            version,
            header: Arc::new(Header { alg: None, kid: None, typ: None }),
            key: Arc::new(Jwk::ed25519(&[n; 32]).verifying_key().unwrap()),
        })
    }

    #[test]
    fn a_header_is_found_whole_and_under_its_version() {
        let headers = KnownHeaders::default();
        headers.insert(&header(1, 7));
        assert!(headers.find(&[1; 3], 7).is_some());
        assert!(headers.find(&[1; 2], 7).is_none());
        assert!(headers.find(&[1; 4], 7).is_none());
        assert!(headers.find(&[1; 3], 8).is_none());
    }

    #[test]
    fn there_are_never_more_than_a_few() {
        let headers = KnownHeaders::default();
        for n in 0..100 {
            headers.insert(&header(n, 7));
            assert!(headers.find(&[n; 3], 7).is_some());
            assert!(headers.0.load().len() <= KnownHeaders::MAX);
        }
        headers.insert(&header(1, 8));
        assert_eq!(headers.0.load().len(), 1, "another version takes the place of all before");
    }
}
