//! A reader of the feed's stream that knows no more of it than a browser would.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

/// Longer than anything takes that works; a test that waits this long has failed.
const GIVE_UP: Duration = Duration::from_secs(20);

/// An event as it came.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Event {
    /// The subjects that its entries deny.
    pub(crate) fn subjects(&self) -> Vec<&str> {
        let entries = self.data["entries"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        entries.iter().map(|entry| entry["scope"]["sub"].as_str().unwrap()).collect()
    }
}

/// An open stream.
pub(crate) struct Stream {
    pub(crate) hello: Event,
    pub(crate) headers: reqwest::header::HeaderMap,
    events: Events,
}

struct Events {
    response: reqwest::Response,
    buffer: String,
}

impl Stream {
    /// The stream of client `app` with these parameters.
    pub(crate) async fn open(app: &TestApp, query: &[(&str, &str)]) -> Self {
        Self::of(Self::request(app, "app", query)).await
    }

    /// What asks for a stream with these parameters.
    pub(crate) fn request(app: &TestApp, client: &str, query: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        app.request_as(client, "GET", &format!("/v1/revocations/stream?{query}"))
    }

    /// The stream that answers a request.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        let mut events = Events { response, buffer: String::new() };
        let hello = events.next().await.unwrap();
        assert_eq!(hello.name, "hello");
        Self { hello, headers, events }
    }

    pub(crate) fn id(&self) -> &str {
        self.hello.data["stream_id"].as_str().unwrap()
    }

    /// The next event; `None` when the stream has ended as it should.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        self.events.next().await
    }

    /// The next event of a kind.
    pub(crate) async fn next_of(&mut self, name: &str) -> Event {
        self.find(name, |event| event.name == name).await
    }

    /// The next event that somebody waits for.
    pub(crate) async fn next_asking(&mut self) -> Event {
        self.find("question", |event| event.data["ack"] == true).await
    }

    async fn find(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let found = async {
            loop {
                match self.next().await {
                    Some(event) if wanted(&event) => return event,
                    Some(_) => {}
                    None => panic!("the stream ended before the next {what}"),
                }
            }
        };
        tokio::time::timeout(GIVE_UP, found).await.unwrap_or_else(|_| panic!("no {what} came"))
    }

    /// Subjects denied, in the order in which they came, until this one.
    pub(crate) async fn subjects_until(&mut self, last: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while seen.last().map(String::as_str) != Some(last) {
            let event = self.next_of("revocations").await;
            seen.extend(event.subjects().into_iter().map(str::to_owned));
        }
        seen
    }

    /// Says as client `app` that everything up to here is in force.
    pub(crate) async fn acknowledge(&self, app: &TestApp, cursor: &str) -> Answer {
        let said = json!({"stream_id": self.id(), "cursor": cursor});
        app.post_as("app", "/v1/revocations/ack", said).await
    }
}

impl Events {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((frame, rest)) = self.buffer.split_once("\n\n") {
                let (event, rest) = (parse(frame), rest.to_owned());
                self.buffer = rest;
                return Some(event);
            }
            let chunk = tokio::time::timeout(GIVE_UP, self.response.chunk()).await.expect("an event in time");
            let Some(bytes) = chunk.expect("the stream is not broken off") else {
                assert_eq!(self.buffer, "", "the last event is whole");
                return None;
            };
            self.buffer.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

fn parse(frame: &str) -> Event {
    let field = |name: &str| {
        let line = frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default().to_owned()
    };
    let data = serde_json::from_str(&field("data")).unwrap_or_else(|_| panic!("one line of JSON: {frame}"));
    Event { id: field("id"), name: field("event"), data }
}
