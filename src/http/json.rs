//! JSON bodies, read strictly: duplicate, unknown, missing and ill-typed members are refused, the latter three by name.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::rt::time::timeout;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess};
use serde_json::{Map, Value};
use serde_path_to_error::Track;
use signet_verifier::strict_from_slice;

use super::problem::Problem;

/// The greatest length of a body in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive, from the end of the request's head on: who sends slower holds a connection open for
/// nothing.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Why a request's body or parameters were refused. Carries names, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// No body where one is needed.
    #[error("the body is empty")]
    Empty,
    /// Over [`MAX_BODY_BYTES`].
    #[error("the body is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    /// It did not arrive within [`BODY_DEADLINE`].
    #[error("the body did not arrive within {} s", BODY_DEADLINE.as_secs())]
    TooSlow,
    /// It did not arrive whole.
    #[error("the body could not be read")]
    Interrupted,
    /// Another `Content-Type` than the one given.
    #[error("Content-Type: {0} is needed")]
    ContentType(&'static str),
    /// Not JSON, or not an object, or nested too deeply.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A member occurs twice.
    #[error("the body has a duplicate member")]
    Duplicate,
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// A member or parameter that nobody knows.
    #[error("{0}: unknown member")]
    Unknown(String),
    /// A member or parameter that is needed.
    #[error("{0}: missing")]
    Missing(&'static str),
    /// A parameter that occurs twice (RFC 6749 §3.1).
    #[error("{0}: occurs more than once")]
    Repeated(&'static str),
    /// A member or parameter of the wrong type or form.
    #[error("{member}: {problem}")]
    Invalid {
        /// Its name.
        member: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl BodyError {
    /// A member that nobody knows; no more of its name than any of ours has.
    fn unknown(member: &str) -> Self {
        Self::Unknown(member.chars().take(64).collect())
    }

    /// A member of the wrong form.
    pub(crate) fn invalid(member: &str, problem: impl fmt::Display) -> Self {
        Self::Invalid { member: member.to_owned(), problem: problem.to_string() }
    }
}

/// A JSON body of a known shape.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers().clone();
        let body = whole(request, payload);
        Box::pin(async move { Ok(Self(read(&headers, &body.await?)?)) })
    }
}

/// The body, once it is there: whole, in time and not too long.
pub(crate) fn whole(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, BodyError>> + use<> {
    let body = timeout(BODY_DEADLINE, Bytes::from_request(request, payload));
    async move {
        let arrived = body.await.map_err(|_| BodyError::TooSlow)?;
        arrived.map_err(|error| match error.as_error::<PayloadError>() {
            Some(PayloadError::Overflow) => BodyError::TooLong,
            Some(_) | None => BodyError::Interrupted,
        })
    }
}

/// Refuses a body that is empty or of another media type; parameters of the type do not matter.
pub(crate) fn check_body(headers: &HeaderMap, body: &[u8], wanted: &'static str) -> Result<(), BodyError> {
    if body.is_empty() {
        return Err(BodyError::Empty);
    }
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(BodyError::ContentType(wanted)) }
}

/// Reads a JSON body of a known shape.
pub(crate) fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, BodyError> {
    check_body(headers, body, "application/json")?;
    let value = strict_from_slice(body)
        .map_err(|error| if error.is_data() { BodyError::Duplicate } else { BodyError::NotAnObject })?;
    let Value::Object(members) = value else { return Err(BodyError::NotAnObject) };
    T::deserialize(MapAccessDeserializer::new(Members::new(members)))
}

/// Hands members to serde one by one and remembers which one is being read, so that the refusal can name it.
struct Members {
    rest: <Map<String, Value> as IntoIterator>::IntoIter,
    current: Option<(String, Value)>,
}

impl Members {
    fn new(members: Map<String, Value>) -> Self {
        Self { rest: members.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = BodyError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, BodyError> {
        self.current = self.rest.next();
        let Some((name, _)) = &self.current else { return Ok(None) };
        seed.deserialize(serde::de::value::StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, BodyError> {
        let (name, value) = self.current.take().ok_or(BodyError::NotAnObject)?;
        let (mut track, is_object) = (Track::new(), value.is_object());
        let read = seed.deserialize(serde_path_to_error::Deserializer::new(value, &mut track));
        read.map_err(|error| {
            let text = error.to_string();
            let member = member(&name, &track.path().to_string());
            match variant(&text).filter(|_| is_object) {
                // The variant of an object is the name of its one member.
                Some(variant) => BodyError::unknown(&format!("{member}.{variant}")),
                None => BodyError::invalid(&member, without_value(&text)),
            }
        })
    }
}

/// The name of a member, and the way to the one within it that was wrong.
fn member(name: &str, path: &str) -> String {
    match path {
        "." => name.to_owned(),
        index if index.starts_with('[') => format!("{name}{index}"),
        within => format!("{name}.{within}"),
    }
}

/// The variant that serde did not know.
fn variant(text: &str) -> Option<&str> {
    text.strip_prefix("unknown variant `")?.split('`').next()
}

/// serde quotes the value that it did not like, and values may be secrets: what was expected instead is enough.
fn without_value(text: &str) -> String {
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => text.to_owned(),
    }
}

impl serde::de::Error for BodyError {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self::NotAnObject
    }

    fn unknown_field(field: &str, _expected: &'static [&'static str]) -> Self {
        Self::unknown(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::web::{self, PayloadConfig};
    use actix_web::{App, HttpResponse};
    use futures_util::StreamExt;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        name: String,
        #[serde(default)]
        wanted: bool,
        #[serde(default)]
        sizes: Vec<u8>,
        #[serde(default)]
        choice: Option<Choice>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        Left(u8),
        Right,
    }

    fn parse(content_type: &'static str, body: &str) -> Result<Shape, BodyError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        read(&headers, body.as_bytes())
    }

    fn refusal(body: &str) -> String {
        parse("application/json", body).unwrap_err().to_string()
    }

    #[test]
    fn a_body_of_the_right_shape_is_read() {
        let shape = parse("Application/JSON ; charset=utf-8", r#"{"name":"x"}"#);
        assert_eq!(shape, Ok(Shape { name: "x".into(), wanted: false, sizes: Vec::new(), choice: None }));
    }

    #[test]
    fn refusals_name_the_member_and_never_quote_its_value() {
        assert_eq!(refusal(r#"{"name":"x","nmae":1}"#), "nmae: unknown member");
        assert_eq!(refusal("{}"), "name: missing");
        assert_eq!(refusal(r#"{"name":5}"#), "name: expected a string");
        assert_eq!(refusal(r#"{"name":"x","wanted":"secret, expected no"}"#), "wanted: expected a boolean");
        assert_eq!(refusal(r#"{"name":"x","name":"x"}"#), "the body has a duplicate member");
        for body in ["[]", "1", "{", "null", "\u{feff}{}", r#"{"name":"x"} x"#] {
            assert_eq!(refusal(body), "the body is not a JSON object", "{body}");
        }
    }

    #[test]
    fn a_refusal_names_the_member_within_the_member() {
        let refused = |members: &str| refusal(&format!(r#"{{"name":"x",{members}}}"#));
        assert_eq!(refused(r#""sizes":[1,"secret"]"#), "sizes[1]: expected u8");
        assert_eq!(refused(r#""choice":{"left":"secret"}"#), "choice.left: expected u8");
        assert_eq!(refused(r#""choice":{"up":1}"#), "choice.up: unknown member");
        assert_eq!(refused(r#""choice":"secret""#), "choice: expected `left` or `right`");
    }

    #[test]
    fn an_empty_body_and_another_media_type_are_told_apart() {
        assert_eq!(parse("application/json", ""), Err(BodyError::Empty));
        assert_eq!(parse("text/plain", "{}"), Err(BodyError::ContentType("application/json")));
        assert_eq!(parse("application/jsonp", "{}"), Err(BodyError::ContentType("application/json")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let first = futures_util::stream::iter([Ok(Bytes::from_static(b"{"))]);
        let stream = first.chain(futures_util::stream::pending::<Result<Bytes, PayloadError>>());
        let mut payload: Payload = Payload::Stream { payload: Box::pin(stream) };
        let request = TestRequest::default().to_http_request();
        assert_eq!(whole(&request, &mut payload).await, Err(BodyError::TooSlow));
    }

    async fn post(content_type: &str, body: Vec<u8>) -> (u16, Value) {
        let echo = |body: JsonBody<Shape>| async move { HttpResponse::Ok().json(body.0.wanted) };
        let app = App::new().app_data(PayloadConfig::new(MAX_BODY_BYTES)).route("/", web::post().to(echo));
        let request = TestRequest::post().insert_header((CONTENT_TYPE, content_type.to_owned()));
        let response = call_service(&init_service(app).await, request.set_payload(body).to_request()).await;
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&read_body(response).await).unwrap())
    }

    #[tokio::test]
    async fn a_handler_gets_the_body_or_the_caller_a_problem() {
        let json = "application/json";
        assert_eq!(post(json, br#"{"name":"x","wanted":true}"#.to_vec()).await, (200, true.into()));
        let filler = MAX_BODY_BYTES - r#"{"name":""}"#.len();
        let fits = format!(r#"{{"name":"{}"}}"#, "x".repeat(filler));
        assert_eq!(post(json, fits.clone().into_bytes()).await.0, 200);
        let (status, problem) = post(json, (fits + " ").into_bytes()).await;
        assert_eq!((status, &problem["code"]), (413, &"body_too_large".into()));
        assert_eq!(post("text/json", b"{}".to_vec()).await.1["code"], "unsupported_media_type");
        let (status, problem) = post(json, Vec::new()).await;
        assert_eq!((status, &problem["detail"]), (400, &"the body is empty".into()));
    }
}
