//! The verifier where it is used: the examples' applications and `signet agent`, each following a real service that is
//! revoked at, killed and started again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod agent;
mod agent_process;
mod answer;
mod applications;
mod process;
mod service;
mod sockets;

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Longer than anything here should take, shorter than anybody would wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on a runtime of its own, and not for ever.
fn run(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(async {
        timeout(PATIENCE * 3, test).await.expect("the test goes on and on");
    });
}

/// Asks until the answer is as it should be.
async fn until<T, F: Future<Output = T>>(
    what: &str,
    mut ask: impl FnMut() -> F,
    good: impl Fn(&T) -> bool,
) -> T
where
    T: std::fmt::Debug,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask().await;
        if good(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: still {answer:?}");
        sleep(Duration::from_millis(20)).await;
    }
}
