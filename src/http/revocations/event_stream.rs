//! The body of an event stream: the frames of a subscription, as long as there are any.
//!
//! The server asks for the next frame only while less than 32 KiB wait to be written, so a reader that does not read holds at
//! most that and one frame here; what comes meanwhile is the feed's, which cuts it off rather than keep it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use crate::revocation::Subscription;

/// A body that ends when its subscription does.
pub(super) enum EventStream {
    /// The next frame is awaited.
    Open(Next),
    /// There are no more.
    Over,
}

type Next = Pin<Box<dyn Future<Output = (Option<Arc<str>>, Subscription)>>>;

impl EventStream {
    /// All frames of a subscription.
    pub(super) fn of(subscription: Subscription) -> Self {
        Self::Open(Box::pin(next(subscription)))
    }
}

impl MessageBody for EventStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Self::Open(next_frame) = &mut *self else { return Poll::Ready(None) };
        let (frame, subscription) = ready!(next_frame.as_mut().poll(cx));
        let Some(frame) = frame else {
            *self = Self::Over;
            return Poll::Ready(None);
        };
        *self = Self::of(subscription);
        // All streams send the same bytes.
        Poll::Ready(Some(Ok(Bytes::from_owner(Arc::<[u8]>::from(frame)))))
    }
}

/// An empty one would end the body: it is how chunks say so.
async fn next(mut subscription: Subscription) -> (Option<Arc<str>>, Subscription) {
    loop {
        let frame = subscription.next().await;
        if frame.as_deref() != Some("") {
            return (frame, subscription);
        }
    }
}
