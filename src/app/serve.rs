//! Serving: listener and shutdown are arguments, so that tests and the program run the same code.

use std::any::Any;
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App as Web, HttpServer};
use tokio::time::MissedTickBehavior;

use super::App;
use super::error::AppError;
use crate::http;
use crate::revocation::HEARTBEAT;

/// How long requests in flight may take to finish once the end has been announced.
const SHUTDOWN_SECONDS: u64 = 10;

/// How long a request's head may take to arrive; how long its body may, the http room knows.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// How much of an answer waits in memory for a connection that takes it slowly, beside one piece of its body. A buffer that has
/// grown keeps its size, and there are thousands of event streams.
const WRITE_BUFFER_BYTES: usize = 8 * 1024;

/// How often due work is done.
const TICK: Duration = Duration::from_secs(1);

/// How long a log that could not be read is left alone; the ticks ask as well.
const FOLLOW_AGAIN: Duration = Duration::from_millis(200);

/// How long data may wait for a peer that does not take it, in milliseconds.
#[cfg(target_os = "linux")]
const UNREAD_MILLIS: u32 = 20_000;

/// How often, and how far apart, it is looked whether all workers are gone: two seconds in all.
const RELEASE_CHECKS: u32 = 400;
const RELEASE_PAUSE: Duration = Duration::from_millis(5);

impl App {
    /// Serves until `shutdown` is ready: then requests in flight finish, ten seconds at most, and the store is closed.
    pub async fn run_until(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), AppError> {
        let services = self.services.clone();
        let server = HttpServer::new(move || Web::new().configure(http::routes(services.clone())))
            .workers(self.workers().get())
            .disable_signals()
            .client_request_timeout(HEAD_DEADLINE)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .h1_write_buffer_size(WRITE_BUFFER_BYTES)
            .on_connect(|connection, _| end_when_unread(connection))
            .listen(listener)
            .map_err(AppError::Serve)?
            .run();
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        let ended = tokio::select! {
            () = shutdown => None,
            () = self.tick_forever() => None,
            () = self.follow_forever() => None,
            () = self.beat_forever() => None,
            ended = &mut serving => Some(ended),
        };
        self.readiness.shut_down();
        // Streams never finish by themselves.
        self.services.feed.close();
        let ended = if let Some(ended) = ended {
            ended
        } else {
            tracing::info!("shutting down: requests in flight finish first");
            handle.stop(true).await;
            serving.await
        };
        self.released().await;
        self.close();
        ended.map_err(io::Error::other).and_then(|served| served).map_err(AppError::Serve)
    }

    /// Workers let go of the services a moment after they have said that they stopped; whoever comes next may want the store
    /// for itself.
    async fn released(&self) {
        for _ in 0..RELEASE_CHECKS {
            if Arc::strong_count(&self.services) == 1 {
                return;
            }
            tokio::time::sleep(RELEASE_PAUSE).await;
        }
    }

    /// As many workers as configured, else one for each core.
    fn workers(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.server.workers.unwrap_or_else(cores)
    }

    async fn tick_forever(&self) {
        let mut timer = tokio::time::interval(TICK);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            self.tick().await;
        }
    }

    /// Takes in what the log says as soon as it says it. The pause comes after: the first of many is passed on at once, and
    /// what comes in the meantime goes together.
    async fn follow_forever(&self) {
        loop {
            self.follower.changed().await;
            let followed = self.follow(self.clock.now()).await;
            let pause = followed.map_or(FOLLOW_AGAIN, |()| self.services.feed.pause());
            tokio::time::sleep(pause).await;
        }
    }

    async fn beat_forever(&self) {
        let mut timer = tokio::time::interval(HEARTBEAT);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            let now = self.clock.now();
            // First, so that the heartbeat can vouch for this moment.
            self.follow(now).await;
            self.services.feed.heartbeat(now);
        }
    }
}

/// Bounds how long what was written may wait for a peer that takes none of it: a stream whose reader has stopped reading is never
/// asked for its next frame, so nobody here would notice. The kernel ends the connection; the reader comes back with its cursor.
fn end_when_unread(connection: &dyn Any) {
    #[cfg(target_os = "linux")]
    if let Some(tcp) = connection.downcast_ref::<actix_web::rt::net::TcpStream>()
        && let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(tcp, UNREAD_MILLIS)
    {
        tracing::debug!(error = %error, "a connection without a bound on unread data");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = connection;
}

/// Ready when the process is asked to end: SIGTERM from whoever manages it, or SIGINT from a keyboard. From the call on, not
/// from the first poll, so that neither ends it halfway through its start.
pub fn shutdown_signal() -> Result<impl Future<Output = ()>, AppError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(AppError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(AppError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Runs a future on the runtime that the web server needs, on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    actix_web::rt::System::new().block_on(future)
}

/// The HTTP contract as YAML.
pub fn openapi() -> Result<String, AppError> {
    http::openapi().to_yaml().map_err(|_| AppError::Contract)
}
