//! The body of an event stream: the frames of a subscription, as long as there are any.
//!
//! The server asks for more while less than 8 KiB wait to be written. So a connection holds little more than that and the one
//! frame that it is at, which all streams share. A reader that does not read stays there; what comes meanwhile is the feed's,
//! which cuts it off rather than keep it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use super::shared_body::next_piece;
use crate::revocation::{Ending, Subscription};
use crate::telemetry::{Metrics, StreamEnd};

/// A body that ends when its subscription does.
pub(super) struct EventStream {
    /// What is left of the frame that is being handed over.
    frame: Bytes,
    /// The frame after it; none when there are no more.
    next: Option<Next>,
    metrics: Arc<Metrics>,
}

type Next = Pin<Box<dyn Future<Output = (Option<Arc<str>>, Subscription)>>>;

impl EventStream {
    /// All frames of a subscription; counted.
    pub(super) fn of(subscription: Subscription, metrics: Arc<Metrics>) -> Self {
        metrics.stream_opened();
        Self { frame: Bytes::new(), next: Some(Box::pin(next(subscription))), metrics }
    }

    /// A stream that is over before it has begun.
    pub(super) fn over(metrics: Arc<Metrics>) -> Self {
        Self { frame: Bytes::new(), next: None, metrics }
    }

    fn note(&self, ending: Option<Ending>) {
        match ending {
            Some(Ending::Reset) => self.metrics.stream_ended(StreamEnd::Reset),
            Some(Ending::CutOff) => self.metrics.stream_ended(StreamEnd::CutOff),
            Some(Ending::Superseded | Ending::Closed) | None => {}
        }
    }
}

impl MessageBody for EventStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        loop {
            if let Some(piece) = next_piece(&mut self.frame) {
                return Poll::Ready(Some(Ok(piece)));
            }
            let Some(awaited) = &mut self.next else { return Poll::Ready(None) };
            let (frame, subscription) = ready!(awaited.as_mut().poll(cx));
            let Some(frame) = frame else {
                self.next = None;
                self.note(subscription.ending());
                return Poll::Ready(None);
            };
            // All streams hold the same bytes.
            self.frame = Bytes::from_owner(Arc::<[u8]>::from(frame));
            self.next = Some(Box::pin(next(subscription)));
        }
    }
}

async fn next(mut subscription: Subscription) -> (Option<Arc<str>>, Subscription) {
    (subscription.next().await, subscription)
}
