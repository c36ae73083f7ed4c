//! A body that many connections send at once.
//!
//! The server copies what it is handed into a buffer of the connection, and a buffer that has grown keeps its size. So large
//! bodies are handed over in pieces: however many read the same snapshot, and however slowly, it is in memory once.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

/// The largest piece that is handed over at once, in bytes.
const PIECE: usize = 8 * 1024;

/// The next piece of what is left; none when nothing is.
pub(super) fn next_piece(rest: &mut Bytes) -> Option<Bytes> {
    // An empty piece would end a body that is sent in chunks: it is how chunks say so.
    (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE)))
}

/// Bytes of a known length.
pub(super) struct SharedBody {
    length: usize,
    rest: Bytes,
}

impl SharedBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { length: bytes.len(), rest: bytes }
    }
}

impl MessageBody for SharedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(next_piece(&mut self.rest).map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn the_pieces_are_the_whole_and_none_is_large() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 10 * PIECE + 7] {
            let whole: Bytes = (0..length).map(|n| n.to_le_bytes()[0]).collect();
            let mut body = SharedBody::new(whole.clone());
            let mut seen = Vec::new();
            while let Some(Ok(piece)) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
                assert!((1..=PIECE).contains(&piece.len()));
                seen.extend_from_slice(&piece);
            }
            assert_eq!(seen, whole);
            assert_eq!(body.size(), BodySize::Sized(length as u64), "what was announced");
        }
    }
}
