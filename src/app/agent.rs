//! The agent: a verifier that follows the service, and the web server over it. Nothing is kept on disk.

mod listener;

use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App as Web, HttpServer};
use signet_verifier::{Connect, LiveVerifier, Verifier};

pub use listener::AgentListener;

use super::error::AppError;
use super::watch::Watch;
use crate::config::{AgentConfig, ClearText};
use crate::http::{AgentServices, agent_routes};

/// It answers in microseconds, from memory: more threads would only cost.
const MOST_WORKERS: usize = 2;

/// How long requests in flight may take to finish once the end has been announced.
const SHUTDOWN_SECONDS: u64 = 5;

/// How long a request's head may take to arrive.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// How often it is looked whether the service is heard of.
const LOOK: Duration = Duration::from_secs(1);

/// What the service's operators see of an agent.
const NAME: &str = "agent";

/// An agent that follows its service.
pub struct Agent {
    verifier: LiveVerifier,
    services: Data<AgentServices>,
}

impl Agent {
    /// Begins to follow the service; until that has worked, every token is answered with 503. Needs a runtime.
    pub fn start(config: AgentConfig) -> Result<Self, AppError> {
        let verifier = connect(&config).spawn()?;
        let services = Data::new(AgentServices::new(verifier.clone(), config.forward_auth));
        Ok(Self { verifier, services })
    }

    /// Serves until `shutdown` is ready; then tells the service that this verifier vouches for nothing any more.
    pub async fn run_until(
        self,
        listener: AgentListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), AppError> {
        let services = self.services;
        let server = HttpServer::new(move || Web::new().configure(agent_routes(services.clone())))
            .workers(workers().get())
            .disable_signals()
            .client_request_timeout(HEAD_DEADLINE)
            .shutdown_timeout(SHUTDOWN_SECONDS);
        // The file of the socket is removed when this returns.
        let (server, _file) = match listener {
            AgentListener::Loopback(listener, _) => (server.listen(listener), None),
            AgentListener::Socket(listener, file) => (server.listen_uds(listener), Some(file)),
        };
        let server = server.map_err(AppError::Serve)?.run();
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        let ended = tokio::select! {
            () = shutdown => None,
            () = watch(&self.verifier) => None,
            ended = &mut serving => Some(ended),
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            handle.stop(true).await;
            serving.await
        };
        self.verifier.close().await;
        ended.map_err(io::Error::other).and_then(|served| served).map_err(AppError::Serve)
    }
}

fn connect(config: &AgentConfig) -> Connect {
    let mut connect = Verifier::connect(config.issuer.as_str())
        .credentials(config.client_id.as_str(), &config.client_secret)
        .staleness(config.staleness.clone())
        .name(NAME);
    for audience in &config.audiences {
        connect = connect.audience(audience);
    }
    if let Some(url) = &config.service_url {
        connect = connect.at(url);
    }
    if let Some(leeway) = config.leeway {
        connect = connect.leeway(leeway);
    }
    match config.clear_text {
        ClearText::Refused => connect,
        ClearText::Allowed => connect.allow_plain_http(),
    }
}

/// Why an agent cannot vouch for tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service has not been heard of{}{}", span(*.since), reason(.why.as_deref()))]
struct Silence {
    /// Since when; `None`: always.
    since: Option<Duration>,
    /// What went wrong last.
    why: Option<String>,
}

fn span(since: Option<Duration>) -> String {
    since.map_or_else(String::new, |since| format!(" for {} s", since.as_secs()))
}

fn reason(why: Option<&str>) -> String {
    why.map_or_else(String::new, |why| format!(": {why}"))
}

/// Looks every second whether tokens can be vouched for, and has it logged when that changes. Never ends.
async fn watch(verifier: &LiveVerifier) {
    let watch = Watch::new("vouch for tokens");
    loop {
        tokio::time::sleep(LOOK).await;
        let silent = silence(verifier.staleness(), verifier.policy().max_staleness);
        watch.note(silent.map_err(|silence| Silence { why: verifier.last_failure(), ..silence }));
    }
}

fn silence(staleness: Option<Duration>, bound: Duration) -> Result<(), Silence> {
    match staleness {
        None => Err(Silence { since: None, why: None }),
        Some(staleness) if staleness > bound => Err(Silence { since: Some(staleness), why: None }),
        Some(_) => Ok(()),
    }
}

fn workers() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(MOST_WORKERS).map_or(cores, |most| most.min(cores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_what_is_past_the_bound_or_was_never_broken() {
        let bound = Duration::from_secs(30);
        assert_eq!(silence(Some(bound), bound), Ok(()));
        let past = bound + Duration::from_millis(1);
        assert_eq!(silence(Some(past), bound), Err(Silence { since: Some(past), why: None }));
        assert_eq!(silence(None, bound), Err(Silence { since: None, why: None }));
        let refused = Silence { since: Some(past), why: Some("the service answers 401".into()) };
        assert_eq!(
            refused.to_string(),
            "the service has not been heard of for 30 s: the service answers 401"
        );
    }
}
