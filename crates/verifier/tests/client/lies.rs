//! What cannot be understood whole is not applied: the verifier vouches for nothing until it has loaded a snapshot, and counts.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::service::{KEYS, METADATA, Reply, SNAPSHOT, batch, event, metadata, snapshot};
use crate::stage::{NOW, Stage, counted, logout, session, verdict, verdict_becomes};

/// What a lying, broken or newer service might say after `hello`.
fn lies() -> Vec<(&'static str, Vec<u8>)> {
    let entry = logout(session(2));
    let with = |pointer: &str, value: Value| {
        let mut lie = batch(NOW, "c1", &[logout(session(3)), entry.clone()]);
        match lie.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => lie["entries"][1][pointer.rsplit('/').next().unwrap()] = value,
        }
        event("revocations", &lie).into_bytes()
    };
    let without = |member: &str| {
        let mut lie = batch(NOW, "c1", std::slice::from_ref(&entry));
        lie.as_object_mut().unwrap().remove(member);
        event("revocations", &lie).into_bytes()
    };
    let beat = json!({"cursor": "c1", "as_of": NOW, "server_time": NOW});
    vec![
        ("no JSON", b"event: revocations\ndata: {\"cursor\":\"c1\"\n\n".to_vec()),
        ("nothing", b"event: heartbeat\ndata:\n\n".to_vec()),
        ("no UTF-8", b"event: heartbeat\ndata: \xff\n\n".to_vec()),
        ("an unknown scope", with("/entries/1/scope", json!({"tribe": "x"}))),
        ("an unknown effect", with("/entries/1/effect", json!("shrug"))),
        ("an unknown member of an entry", with("/entries/1/unless", json!("sunday"))),
        ("an instant that is none", with("/entries/1/issued_before", json!(-1))),
        ("an instant in seconds and a bit", with("/entries/1/expires_at", json!(1.5))),
        ("a session that is none", with("/entries/1/scope", json!({"sid": "everyone"}))),
        ("a cursor that is none", with("/cursor", json!(""))),
        ("a cursor of a kilobyte", with("/cursor", json!("c".repeat(1_000)))),
        ("no entries", without("entries")),
        ("no cursor", without("cursor")),
        ("no server time", without("server_time")),
        ("a member twice", event_of(&format!("{{\"as_of\":1,{}", &beat.to_string()[1..]))),
        ("a second hello", event("hello", &beat).into_bytes()),
        ("an endless line", [b"data: ".to_vec(), vec![b'x'; 17 * 1024 * 1024]].concat()),
    ]
}

fn event_of(heartbeat: &str) -> Vec<u8> {
    format!("event: heartbeat\ndata: {heartbeat}\n\n").into_bytes()
}

#[tokio::test]
async fn an_event_that_is_not_understood_makes_the_verifier_load_a_snapshot() {
    for (name, lie) in lies() {
        let stage = Stage::new().await;
        let (verifier, mut stream) = stage.connected().await;
        counted(&verifier, "the stream is open", |counters| counters.connects == 1).await;
        stage.service.reply(SNAPSHOT, Reply::status(500));
        stream.send_bytes(&lie).await;
        verdict_becomes(&verifier, &stage.token(), "stale").await;
        let counters = verifier.counters();
        assert_eq!((counters.malformed, counters.resyncs), (1, 1), "{name}");
        stage.service.reply(SNAPSHOT, Reply::json(&snapshot(NOW, "c5", &[logout(session(2))])));
        verdict_becomes(&verifier, &stage.token(), "valid").await;
        assert_eq!(verdict(&verifier, &stage.token_of(session(2))), "revoked", "{name}");
        assert_eq!(stage.service.stream().await.request.query["cursor"], "c5", "{name}");
    }
}

#[tokio::test]
async fn before_hello_nothing_is_believed() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.before_hello().await;
    stage.service.reply(SNAPSHOT, Reply::status(500));
    stream.event("revocations", &batch(NOW, "c1", &[])).await;
    verdict_becomes(&verifier, &stage.token(), "stale").await;
    assert_eq!(verifier.counters().resyncs, 1);
}

#[tokio::test]
async fn hello_of_another_version_is_not_followed() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.before_hello().await;
    stage.service.reply(SNAPSHOT, Reply::status(500));
    let mut hello = stage.service.hello("c0");
    hello["version"] = 2.into();
    stream.event("hello", &hello).await;
    verdict_becomes(&verifier, &stage.token(), "stale").await;
    assert_eq!(verifier.counters().malformed, 1);
}

#[tokio::test]
async fn reset_makes_the_verifier_load_a_snapshot() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    counted(&verifier, "the stream is open", |counters| counters.connects == 1).await;
    stage.service.reply(SNAPSHOT, Reply::status(500));
    stream.event("reset", &json!({"reason": "another log"})).await;
    verdict_becomes(&verifier, &stage.token(), "stale").await;
    stage.service.reply(SNAPSHOT, Reply::json(&snapshot(NOW, "c7", &[logout(session(1))])));
    verdict_becomes(&verifier, &stage.token(), "revoked").await;
    let asked = stage.service.requests(SNAPSHOT);
    assert!(asked.iter().all(|request| request.header("if-none-match").is_none()), "in full, not if changed");
    let counters = verifier.counters();
    assert_eq!((counters.resyncs, counters.malformed, counters.snapshots), (1, 0, 2));
}

#[tokio::test]
async fn reset_may_come_in_place_of_hello() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.before_hello().await;
    stage.service.reply(SNAPSHOT, Reply::status(500));
    stream.event("reset", &json!({"reason": "another log"})).await;
    verdict_becomes(&verifier, &stage.token(), "stale").await;
    let counters = verifier.counters();
    assert_eq!((counters.resyncs, counters.malformed), (1, 0));
}

#[tokio::test]
async fn a_wall_clock_that_jumped_makes_the_verifier_load_a_snapshot() {
    let stage = Stage::new().await;
    let (verifier, _stream) = stage.connected().await;
    stage.service.reply(SNAPSHOT, Reply::status(500));
    stage.wall.set(NOW.before(Duration::from_mins(1)));
    // Noticed though nobody verifies anything.
    counted(&verifier, "a snapshot is due", |counters| counters.resyncs == 1).await;
    stage.service.asked(SNAPSHOT, 2).await;
    verdict_becomes(&verifier, &stage.token(), "stale").await;
    stage.service.reply(SNAPSHOT, Reply::json(&snapshot(NOW, "c7", &[])));
    verdict_becomes(&verifier, &stage.token(), "valid").await;
    assert_eq!(verifier.counters().resyncs, 1);
}

/// Snapshots that are cut short, of another format, or no snapshot at all.
fn broken_snapshots() -> Vec<(&'static str, Reply)> {
    let whole = snapshot(NOW, "c1", &[logout(session(2))]).to_string();
    let with = |name: &str, value: Value| {
        let mut lie = snapshot(NOW, "c1", &[logout(session(2))]);
        lie[name] = value;
        Reply::json(&lie)
    };
    let half = &whole[..whole.len() / 2];
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}", whole.len());
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n", half.len());
    let mut squeezed = gzip(whole.as_bytes());
    squeezed.truncate(squeezed.len() - 12);
    vec![
        ("cut by the connection", Reply::Raw(cut.into_bytes())),
        ("cut between chunks", Reply::Raw(chunked.into_bytes())),
        ("cut and closed in good order", Reply::body(half)),
        ("cut within gzip", Reply::body(squeezed).with("content-encoding", "gzip")),
        ("no gzip", Reply::body(whole.clone()).with("content-encoding", "gzip")),
        ("another version", with("version", json!(2))),
        (
            "an unknown effect",
            with(
                "entries",
                json!([{"scope": "all", "effect": "shrug", "issued_before": 1, "expires_at": 2}]),
            ),
        ),
        ("limits left out", with("limits", json!({}))),
        ("a page of a proxy", Reply::body("<html>504</html>")),
        ("nothing", Reply::body("")),
        ("more after it", Reply::body(format!("{whole}{whole}"))),
        ("unchanged, though nothing is known", Reply::status(304)),
    ]
}

#[tokio::test]
async fn a_snapshot_that_is_not_understood_whole_is_not_loaded() {
    for (name, reply) in broken_snapshots() {
        let stage = Stage::new().await;
        stage.service.reply(SNAPSHOT, reply);
        let verifier = stage.connect().spawn().unwrap();
        stage.service.asked(SNAPSHOT, 2).await;
        assert_eq!(verdict(&verifier, &stage.token()), "stale", "{name}");
        let counters = verifier.counters();
        assert!(counters.malformed + counters.failed_requests >= 1, "{name}");
        assert_eq!((counters.snapshots, verifier.denylist_len()), (0, 0), "{name}");
        stage.service.reply(SNAPSHOT, Reply::json(&snapshot(NOW, "c1", &[logout(session(2))])));
        verdict_becomes(&verifier, &stage.token(), "valid").await;
        assert_eq!(verdict(&verifier, &stage.token_of(session(2))), "revoked", "{name}");
    }
}

#[tokio::test]
async fn a_compressed_snapshot_is_read() {
    let stage = Stage::new().await;
    let entries: Vec<Value> = (0..200).map(|number| logout(session(number))).collect();
    let packed = gzip(snapshot(NOW, "c1", &entries).to_string().as_bytes());
    stage.service.reply(SNAPSHOT, Reply::body(packed).with("content-encoding", "gzip"));
    let (verifier, _stream) = stage.connected().await;
    assert_eq!(verifier.denylist_len(), 200);
    assert_eq!(stage.service.requests(SNAPSHOT)[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn what_unpacks_to_more_than_is_allowed_is_refused() {
    let stage = Stage::new().await;
    for (path, limit) in [(METADATA, 64 * 1024), (KEYS, 256 * 1024)] {
        // Valid JSON with a lot of nothing before it, a thousandth of the size on the wire.
        let document = match path {
            METADATA => metadata(&stage.service.url).to_string().into_bytes(),
            _ => crate::signer::jwks(&[&stage.signer]),
        };
        let padded = |spaces: usize| gzip(&[vec![b' '; spaces - document.len()], document.clone()].concat());
        let stage = Stage::new().await;
        let fitting = match path {
            METADATA => gzip(metadata(&stage.service.url).to_string().as_bytes()),
            _ => padded(limit),
        };
        stage.service.reply(path, Reply::body(padded(limit + 1)).with("content-encoding", "gzip"));
        let verifier = stage.connect().spawn().unwrap();
        stage.service.asked(path, 2).await;
        counted(&verifier, "too large", |counters| counters.malformed >= 1).await;
        assert_eq!(verifier.counters().key_fetches, 0, "{path}");
        stage.service.reply(path, Reply::body(fitting).with("content-encoding", "gzip"));
        counted(&verifier, "it fits", |counters| counters.key_fetches == 1).await;
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
