//! Who has applied a revocation: whom its caller waits for, and the answer.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::json::BodyError;
use crate::http::query::{Query, digits};
use crate::http::sessions::SessionTokens;
use crate::revocation::{Applied, Awaited, Expectation};
use crate::session::{Delivery, Revoked};

/// Whom a revocation waits for. On one node, that node has applied it when it is answered.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wait {
    /// Nobody.
    #[default]
    None,
    /// Every connected node.
    Nodes,
    /// Every connected node and verifier.
    Verifiers,
}

/// How long to wait at most, in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct TimeoutMs(u32);

impl TimeoutMs {
    /// What is waited for longer than this holds a connection open for nothing.
    const MAX: u32 = 60_000;
    const DEFAULT: Self = Self(5_000);

    fn new(millis: u32) -> Option<Self> {
        (millis <= Self::MAX).then_some(Self(millis))
    }
}

impl<'de> Deserialize<'de> for TimeoutMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("at most 60000"))
    }
}

/// A revocation that is being written, and how its answer is to be waited for. Made before it is written, so that its event
/// already asks verifiers to say when they have applied it.
pub(crate) struct Waiting<'a> {
    services: &'a Services,
    timeout: Duration,
    expectation: Option<Expectation>,
}

impl<'a> Waiting<'a> {
    /// What the caller asked for.
    pub(crate) fn begin(services: &'a Services, wait: Wait, timeout: Option<TimeoutMs>) -> Self {
        match wait {
            Wait::None | Wait::Nodes => Self { services, timeout: Duration::ZERO, expectation: None },
            Wait::Verifiers => {
                let TimeoutMs(millis) = timeout.unwrap_or(TimeoutMs::DEFAULT);
                let (timeout, expectation) = (Duration::from_millis(millis.into()), services.feed.expect());
                Self { services, timeout, expectation: Some(expectation) }
            }
        }
    }

    /// The same of a request that has no body.
    pub(crate) fn of_query(services: &'a Services, query: &str) -> Result<Self, BodyError> {
        let query = Query::parse(query, &["wait", "timeout_ms"])?;
        let wait = match query.get("wait") {
            None | Some("none") => Wait::None,
            Some("nodes") => Wait::Nodes,
            Some("verifiers") => Wait::Verifiers,
            Some(_) => return Err(BodyError::invalid("wait", "expected `none`, `nodes` or `verifiers`")),
        };
        let read = |text: &str| digits(text).and_then(TimeoutMs::new);
        let invalid = || BodyError::invalid("timeout_ms", "expected a whole number, at most 60000");
        let timeout = query.get("timeout_ms").map(|text| read(text).ok_or_else(invalid)).transpose()?;
        Ok(Self::begin(services, wait, timeout))
    }

    /// The answer, once everybody who is waited for has applied what was revoked, or the time is up.
    pub(crate) async fn answer(self, revoked: Revoked) -> HttpResponse {
        let feed = &self.services.feed;
        // Not when the request came in: its body and the store took their time, and verifiers set their clocks by what they
        // are asked.
        let now = self.services.clock.now();
        let verifiers = match revoked.position {
            Some(position) => feed.applied(Awaited { position, timeout: self.timeout }, now).await,
            // It is not in the log yet, so no verifier has heard of it.
            None => {
                Applied { total: u32::try_from(feed.connected()).unwrap_or(u32::MAX), ..Applied::default() }
            }
        };
        // From here on nobody needs to acknowledge for our sake.
        drop(self.expectation);
        let code = match revoked.delivery {
            Delivery::Durable => StatusCode::OK,
            Delivery::Pending => StatusCode::ACCEPTED,
        };
        uncached(code).json(RevocationStatus::new(revoked, verifiers))
    }
}

/// Where a revocation is.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({
    "status": "durable", "position": "AQEBAQEBAQEAAAAAAAAAAQECAwQFBgcICQoLDA0ODxA",
    "applied": {
        "nodes": {"applied": 1, "total": 1},
        "verifiers": {"applied": 1, "total": 2, "waiting_for": [{"verifier": "orders-7f9c", "connected": false}]}
    }
})))]
pub(crate) struct RevocationStatus {
    /// `durable`: on its way to every node. `pending`: in force on this node, to be delivered.
    #[schema(value_type = String, pattern = "^(durable|pending)$")]
    status: &'static str,
    /// Its place in the log; null while pending.
    position: Option<String>,
    /// Who has applied it.
    applied: AppliedBy,
    /// The kept session's new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    kept: Option<SessionTokens>,
}

/// Who has applied a revocation.
#[derive(Serialize, ToSchema)]
struct AppliedBy {
    /// The service's nodes.
    nodes: Count,
    /// The verifiers that follow the feed, and those that were cut off and may still vouch for tokens.
    verifiers: VerifierCount,
}

/// How many of how many.
#[derive(Serialize, ToSchema)]
struct Count {
    /// So many have.
    applied: u32,
    /// Of so many.
    total: u32,
}

/// How many verifiers of how many, and which have not.
#[derive(Serialize, ToSchema)]
struct VerifierCount {
    /// So many said that they have.
    applied: u32,
    /// Of so many.
    total: u32,
    /// Those that have not said so, at most 100 of them; absent if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 100)]
    waiting_for: Vec<WaitingFor>,
}

/// A verifier that has not said that it applied a revocation.
#[derive(Serialize, ToSchema)]
struct WaitingFor {
    /// What it calls itself, or its stream.
    verifier: String,
    /// Whether its stream is open. If not, it counts until its own bound on staleness has passed.
    connected: bool,
}

impl RevocationStatus {
    fn new(revoked: Revoked, verifiers: Applied) -> Self {
        let status = match revoked.delivery {
            Delivery::Durable => "durable",
            Delivery::Pending => "pending",
        };
        Self {
            status,
            position: revoked.position.map(|position| position.to_string()),
            applied: AppliedBy { nodes: Count { applied: 1, total: 1 }, verifiers: verifiers.into() },
            kept: revoked.kept.map(SessionTokens::from),
        }
    }
}

impl From<Applied> for VerifierCount {
    fn from(Applied { applied, total, waiting_for }: Applied) -> Self {
        let named = |waiting: crate::revocation::Waiting| WaitingFor {
            verifier: waiting.verifier.to_string(),
            connected: waiting.connected,
        };
        Self { applied, total, waiting_for: waiting_for.into_iter().map(named).collect() }
    }
}
