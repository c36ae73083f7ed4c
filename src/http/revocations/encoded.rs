//! The snapshot in the codings that were asked for: each is made once, beside the workers, and shared by all who ask.
//!
//! After an outage every verifier asks for the same snapshot within a second. A million entries are 150 MB of JSON: to
//! compress that for each of them would be an outage of its own.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::{self, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::OnceCell;

use super::negotiation::Coding;
use crate::http::error::ApiError;
use crate::http::routes::RouteError;
use crate::revocation::SnapshotBody;

/// The newest snapshot, encoded.
#[derive(Default)]
pub struct EncodedSnapshots {
    newest: Mutex<Option<Arc<Encoded>>>,
}

struct Encoded {
    snapshot: Arc<SnapshotBody>,
    gzip: OnceCell<Bytes>,
    zstd: OnceCell<Bytes>,
}

/// The fastest level of either: a list of random ids has little more to give to a slower one.
const ZSTD_LEVEL: i32 = 1;

impl EncodedSnapshots {
    /// The snapshot in this coding.
    pub(super) async fn encode(
        &self,
        snapshot: &Arc<SnapshotBody>,
        coding: Coding,
    ) -> Result<Bytes, ApiError> {
        let encoded = self.of(snapshot);
        match coding {
            Coding::Identity => Ok(Bytes::from_owner(Arc::clone(&snapshot.plain))),
            Coding::Gzip => once(&encoded.gzip, &snapshot.plain, gzip).await,
            Coding::Zstd => once(&encoded.zstd, &snapshot.plain, zstd).await,
        }
    }

    /// Where this snapshot's codings are. A newer one takes the place of the last: whoever still sends that has its bytes.
    fn of(&self, snapshot: &Arc<SnapshotBody>) -> Arc<Encoded> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some(encoded) if Arc::ptr_eq(&encoded.snapshot, snapshot) => Arc::clone(encoded),
            Some(_) | None => {
                let snapshot = Arc::clone(snapshot);
                let encoded =
                    Arc::new(Encoded { snapshot, gzip: OnceCell::default(), zstd: OnceCell::default() });
                *newest = Some(Arc::clone(&encoded));
                encoded
            }
        }
    }
}

/// The first who asks has it made, on a thread where that holds up nobody; the others wait for it.
async fn once(
    cell: &OnceCell<Bytes>,
    plain: &Arc<[u8]>,
    compress: fn(&[u8]) -> io::Result<Vec<u8>>,
) -> Result<Bytes, ApiError> {
    let make = || async {
        let plain = Arc::clone(plain);
        let made = web::block(move || compress(&plain)).await.map_err(|_| RouteError::Stopping)?;
        made.map(Bytes::from).map_err(|error| super::FeedRefusal::unavailable(error).into())
    };
    cell.get_or_try_init(make).await.cloned()
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn zstd(plain: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(plain, ZSTD_LEVEL)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use futures_util::future::join_all;
    use signet_verifier::{Cursor, UnixMs};

    use super::*;

    fn snapshot(text: &str) -> Arc<SnapshotBody> {
        Arc::new(SnapshotBody {
            cursor: Cursor::parse("c").unwrap(),
            as_of: UnixMs::default(),
            server_time: UnixMs::default(),
            etag: "W/\"e\"".into(),
            plain: text.repeat(1_000).into_bytes().into(),
        })
    }

    fn unpacked(coding: Coding, bytes: &Bytes) -> Vec<u8> {
        match coding {
            Coding::Identity => bytes.to_vec(),
            Coding::Gzip => {
                let mut plain = Vec::new();
                GzDecoder::new(&**bytes).read_to_end(&mut plain).unwrap();
                plain
            }
            Coding::Zstd => ::zstd::bulk::decompress(bytes, 1 << 20).unwrap(),
        }
    }

    #[tokio::test]
    async fn a_snapshot_is_compressed_once_for_all_who_ask() {
        let (encoded, snapshot) = (EncodedSnapshots::default(), snapshot("entries "));
        for coding in [Coding::Identity, Coding::Gzip, Coding::Zstd] {
            let all = join_all((0..20).map(|_| encoded.encode(&snapshot, coding))).await;
            let all: Vec<Bytes> = all.into_iter().map(Result::unwrap).collect();
            assert!(all.iter().all(|bytes| bytes.as_ptr() == all[0].as_ptr()), "{coding:?}: the same bytes");
            assert_eq!(unpacked(coding, &all[0]), &*snapshot.plain, "{coding:?}");
            assert!(coding == Coding::Identity || all[0].len() < snapshot.plain.len() / 10);
        }
    }

    #[tokio::test]
    async fn a_newer_snapshot_is_never_answered_with_the_bytes_of_the_last() {
        let (encoded, first, second) = (EncodedSnapshots::default(), snapshot("first"), snapshot("second"));
        for snapshot in [&first, &second, &first] {
            let bytes = encoded.encode(snapshot, Coding::Zstd).await.unwrap();
            assert_eq!(unpacked(Coding::Zstd, &bytes), &*snapshot.plain);
        }
    }
}
