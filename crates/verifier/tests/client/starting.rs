//! From an issuer's URL to a verifier that vouches, or to an error that says what to mend.

use std::time::Duration;

use signet_verifier::{ConnectError, Verifier};

use crate::service::{KEYS, METADATA, Reply, SNAPSHOT, STREAM, metadata, snapshot};
use crate::stage::{NOW, Stage, eventually, logout, session, verdict, verdict_becomes};

async fn failure(stage: &Stage) -> ConnectError {
    let error = stage.connect().start().await.map(|_| ()).unwrap_err();
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    error
}

#[tokio::test]
async fn a_started_verifier_vouches_and_knows_what_was_revoked_before() {
    let stage = Stage::new().await;
    stage.service.reply(SNAPSHOT, Reply::json(&snapshot(NOW, "c0", &[logout(session(2))])));
    let (verifier, _stream) = stage.connected().await;
    assert_eq!(verdict(&verifier, &stage.token()), "valid");
    assert_eq!(verdict(&verifier, &stage.token_of(session(2))), "revoked");
    // Nobody's clock moved; what is rounded is rounded towards older.
    assert!(verifier.staleness().is_some_and(|staleness| staleness <= Duration::from_millis(1)));
}

#[tokio::test]
async fn requests_say_who_asks_and_public_ones_do_not() {
    let stage = Stage::new().await;
    let (_verifier, stream) = stage.connected().await;
    let basic = "Basic Z2F0ZTpodW50ZXIyJTIwJTI2JTIwbW9yZQ==";
    assert_eq!(stream.request.header("authorization"), Some(basic));
    assert_eq!(stage.service.requests(SNAPSHOT)[0].header("authorization"), Some(basic));
    for public in [METADATA, KEYS] {
        let request = &stage.service.requests(public)[0];
        assert_eq!(request.header("authorization"), None, "{public}");
        let agent = request.header("user-agent").unwrap();
        assert!(agent.starts_with("signet-verifier/"), "{agent}");
    }
}

#[tokio::test]
async fn a_stream_says_who_listens_from_where_and_for_how_long_it_vouches() {
    let stage = Stage::new().await;
    let long = format!("Müller & Co {}", "x".repeat(100));
    let connect = stage.connect().name(&long).max_staleness(Duration::from_secs(7));
    let (verifier, stream) = tokio::join!(connect.start(), stage.service.stream());
    let _verifier = verifier.unwrap();
    let query = &stream.request.query;
    assert_eq!((query["cursor"].as_str(), query["max_staleness_ms"].as_str()), ("c0", "7000"));
    let (name, random) = query["verifier"].rsplit_once('-').unwrap();
    assert_eq!(name, format!("M-ller---Co-{}", "x".repeat(28)));
    assert!(random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()), "{random}");
}

#[tokio::test]
async fn nothing_is_vouched_for_before_the_snapshot_is_there() {
    let stage = Stage::new().await;
    stage.service.reply(SNAPSHOT, Reply::status(503));
    let verifier = stage.connect().spawn().unwrap();
    stage.service.asked(KEYS, 1).await;
    stage.service.asked(SNAPSHOT, 2).await;
    assert_eq!(verdict(&verifier, &stage.token()), "stale");
    assert_eq!(verifier.staleness(), None);
    stage.service.reply(SNAPSHOT, Reply::json(&snapshot(NOW, "c0", &[])));
    verdict_becomes(&verifier, &stage.token(), "valid").await;
}

#[tokio::test]
async fn a_service_under_another_address_is_asked_only_there() {
    let stage = Stage::new().await;
    let elsewhere = "https://id.example/tenant";
    let mut document = metadata(elsewhere);
    document["revocation_feed_uri"] = "https://nowhere.invalid/feed".into();
    stage.service.reply(&format!("/auth{METADATA}"), Reply::json(&document));
    stage.service.reply("/auth/v1/revocations", Reply::json(&snapshot(NOW, "c0", &[])));
    stage.service.reply("/auth/.well-known/jwks.json", Reply::body(crate::signer::jwks(&[&stage.signer])));
    let base = format!("{}/auth/", stage.service.url);
    let verifier = Verifier::connect(elsewhere).at(&base).audience("api").spawn().unwrap();
    eventually("a snapshot", || verifier.staleness().is_some()).await;
    stage.service.asked("/auth/v1/revocations/stream", 1).await;
}

#[tokio::test]
async fn refused_credentials_end_the_start_at_once() {
    for status in [401, 403] {
        let stage = Stage::new().await;
        stage.service.reply(SNAPSHOT, Reply::status(status));
        let error = failure(&stage).await;
        assert!(
            matches!(&error, ConnectError::Refused(text) if text.contains(&status.to_string())),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_ends_the_start_at_once() {
    let stage = Stage::new().await;
    stage.service.reply(METADATA, Reply::json(&metadata("https://evil.example")));
    let error = failure(&stage).await;
    assert!(matches!(&error, ConnectError::Issuer(other) if other == "https://evil.example"), "{error:?}");
    assert!(stage.service.requests(SNAPSHOT).is_empty(), "credentials went to a service that is another's");
}

#[tokio::test]
async fn a_feed_of_another_version_ends_the_start_at_once() {
    let stage = Stage::new().await;
    let mut newer = snapshot(NOW, "c0", &[]);
    newer["version"] = 2.into();
    stage.service.reply(SNAPSHOT, Reply::json(&newer));
    let error = failure(&stage).await;
    assert!(matches!(&error, ConnectError::Unavailable(text) if text.contains("version 2")), "{error:?}");
}

#[tokio::test]
async fn more_leeway_than_the_issuer_allows_is_refused() {
    let stage = Stage::new().await;
    let (error, _stream) =
        tokio::join!(stage.connect().leeway(Duration::from_secs(31)).start(), stage.service.stream());
    let error = error.map(|_| ()).unwrap_err();
    assert!(
        matches!(error, ConnectError::Leeway { allowed, .. } if allowed == Duration::from_secs(30)),
        "{error:?}"
    );
    let (taken, _stream) =
        tokio::join!(stage.connect().leeway(Duration::from_secs(30)).start(), stage.service.stream());
    assert!(taken.is_ok());
}

#[tokio::test]
async fn what_no_waiting_could_mend_is_said_before_anybody_is_asked() {
    let connect = |issuer: &str| Verifier::connect(issuer).audience("api").spawn().map(|_| ()).unwrap_err();
    assert!(matches!(connect("id.example"), ConnectError::Url(_)));
    assert!(matches!(connect("ftp://id.example"), ConnectError::Url(_)));
    assert!(matches!(connect("http://id.example"), ConnectError::PlainHttp(_)));
    let error = Verifier::connect("https://id.example").spawn().map(|_| ()).unwrap_err();
    assert!(matches!(error, ConnectError::NoAudience));
    let error = Verifier::connect("https://id.example").audience("api").at("http://10.0.0.1").spawn();
    assert!(matches!(error.map(|_| ()), Err(ConnectError::PlainHttp(_))));
    let error = Verifier::connect("https://id.example").audience("api").trust_pem(b"nonsense").spawn();
    assert!(matches!(error.map(|_| ()), Err(ConnectError::Client(_))));
    assert!(Verifier::connect("http://id.example").audience("api").allow_plain_http().spawn().is_ok());
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let error = Verifier::connect("https://id.example").audience("api").spawn().map(|_| ()).unwrap_err();
    assert!(matches!(error, ConnectError::Client(_)), "{error:?}");
}

/// The runtime's clock runs ahead whenever nothing else is to do: ten seconds pass at once.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_away_or_says_nothing_is_given_up_on_after_ten_seconds() {
    let stage = Stage::new().await;
    stage.service.reply(SNAPSHOT, Reply::Hang(Vec::new()));
    assert!(matches!(failure(&stage).await, ConnectError::Unavailable(_)));
    stage.service.reply(METADATA, Reply::Hang(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()));
    assert!(matches!(failure(&stage).await, ConnectError::Unavailable(_)));
    let gone = Verifier::connect("http://127.0.0.1:1").audience("api").start().await.map(|_| ());
    assert!(matches!(gone, Err(ConnectError::Unavailable(_))));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for path in [METADATA, KEYS, SNAPSHOT] {
        let stage = Stage::new().await;
        stage.service.reply(path, Reply::status(302).with("location", "/elsewhere"));
        let verifier = stage.connect().spawn().unwrap();
        stage.service.asked(path, 2).await;
        assert_eq!(verdict(&verifier, &stage.token()), "stale", "{path}");
        assert!(stage.service.requests("/elsewhere").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_stream_of_anything_but_events_is_no_stream() {
    let stage = Stage::new().await;
    stage.service.reply(STREAM, Reply::body("event: hello\n").with("content-type", "text/html"));
    let verifier = stage.connect().spawn().unwrap();
    stage.service.asked(STREAM, 2).await;
    assert!(verifier.counters().malformed >= 1);
    stage.service.open_streams();
    let _stream = stage.service.stream().await;
}
