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
