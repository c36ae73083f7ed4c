//! A verifier that follows the feed: events, places, acknowledgements, and how it comes back.

use std::time::Duration;

use serde_json::json;

use crate::service::{ACK, Reply, SNAPSHOT, STREAM, batch};
use crate::stage::{NOW, Stage, counted, eventually, logout, session, verdict, verdict_becomes};

#[tokio::test]
async fn a_revocation_on_the_stream_is_in_force() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    stream.event("revocations", &batch(NOW, "c1", &[logout(session(1))])).await;
    verdict_becomes(&verifier, &stage.token(), "revoked").await;
    assert_eq!(verdict(&verifier, &stage.token_of(session(2))), "valid");
    assert_eq!(verifier.counters().entries, 1);
}

#[tokio::test]
async fn a_stream_that_ends_is_taken_up_where_it_was() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    let name = stream.request.query["verifier"].clone();
    stream.event("revocations", &batch(NOW, "c1", &[logout(session(1))])).await;
    stream.event("heartbeat", &json!({"cursor": "c2", "as_of": NOW, "server_time": NOW})).await;
    drop(stream);
    let mut stream = stage.service.stream().await;
    assert_eq!(stream.request.query["cursor"], "c2");
    assert_eq!(stream.request.query["verifier"], name);
    stream.event("revocations", &batch(NOW, "c3", &[logout(session(2))])).await;
    verdict_becomes(&verifier, &stage.token_of(session(2)), "revoked").await;
    assert_eq!(verdict(&verifier, &stage.token()), "revoked");
    stream.break_off();
    let stream = stage.service.stream().await;
    assert_eq!(stream.request.query["cursor"], "c3");
    assert_eq!(stage.service.requests(SNAPSHOT).len(), 1, "nothing was missed, so nothing is loaded");
    assert_eq!(verifier.counters().resyncs, 0);
}

#[tokio::test]
async fn half_an_event_is_none_and_comes_again_whole() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    let event = crate::service::event("revocations", &batch(NOW, "c1", &[logout(session(1))]));
    stream.send(&event[..event.len() - 1]).await;
    drop(stream);
    let mut stream = stage.service.stream().await;
    assert_eq!(stream.request.query["cursor"], "c0");
    assert_eq!(verdict(&verifier, &stage.token()), "valid");
    stream.send(&event).await;
    verdict_becomes(&verifier, &stage.token(), "revoked").await;
}

#[tokio::test]
async fn a_silent_connection_is_dead_after_two_heartbeats_and_a_bit() {
    let stage = Stage::new().await;
    let (verifier, stream) = stage.connected().await;
    counted(&verifier, "the stream is open", |counters| counters.connects == 1).await;
    stage.advance(Duration::from_millis(12_100));
    let again = stage.service.stream().await;
    assert_eq!(again.request.query["cursor"], "c0");
    stream.hung_up().await;
}

/// Only the request that opens a stream tells how the service's clock lies to ours.
#[tokio::test]
async fn a_stream_that_was_open_for_long_is_opened_anew_and_nothing_else_changes() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    for beat in 1..=61 {
        stage.advance(Duration::from_secs(10));
        let now = NOW.after(Duration::from_secs(10 * beat));
        stream.event("heartbeat", &json!({"cursor": "c7", "as_of": now, "server_time": now})).await;
        let fresh = || verifier.staleness().is_some_and(|staleness| staleness < Duration::from_secs(1));
        eventually("fresh again", fresh).await;
    }
    let again = stage.service.stream().await;
    assert_eq!(again.request.query["cursor"], "c7");
    let counters = verifier.counters();
    assert_eq!((counters.snapshots, counters.resyncs, counters.failed_requests), (1, 0, 0));
}

#[tokio::test]
async fn a_stream_that_never_says_hello_is_given_up() {
    let stage = Stage::new().await;
    let (_verifier, silent) = stage.before_hello().await;
    let (again, ()) = tokio::join!(stage.service.stream(), async {
        // The verifier may not have begun to wait yet: time goes on until it has.
        while stage.service.requests(STREAM).len() < 2 {
            stage.advance(Duration::from_secs(11));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    assert_eq!(again.request.query["cursor"], "c0");
    silent.hung_up().await;
}

#[tokio::test]
async fn an_acknowledgement_follows_when_the_entries_are_in_force() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    let mut flagged = batch(NOW, "c1", &[logout(session(1))]);
    flagged["ack"] = true.into();
    stream.event("revocations", &flagged).await;
    let said = stage.service.asked(ACK, 1).await;
    assert_eq!(verdict(&verifier, &stage.token()), "revoked", "acknowledged before it was in force");
    assert_eq!(said[0].json(), json!({"stream_id": "stream-0", "cursor": "c1"}));
    stream.event("heartbeat", &json!({"cursor": "c2", "as_of": NOW, "server_time": NOW})).await;
    stream.event("heartbeat", &json!({"cursor": "c3", "as_of": NOW, "server_time": NOW, "ack": true})).await;
    let said = stage.service.asked(ACK, 2).await;
    assert_eq!(said[1].json(), json!({"stream_id": "stream-0", "cursor": "c3"}));
}

#[tokio::test]
async fn an_acknowledgement_that_fails_is_sent_once_more() {
    let stage = Stage::new().await;
    stage.service.reply(ACK, Reply::status(503));
    let (_verifier, mut stream) = stage.connected().await;
    let flagged = |cursor: &str| json!({"cursor": cursor, "as_of": NOW, "server_time": NOW, "ack": true});
    stream.event("heartbeat", &flagged("c1")).await;
    stage.service.asked(ACK, 2).await;
    stream.event("heartbeat", &flagged("c2")).await;
    let said = stage.service.asked(ACK, 4).await;
    let cursors: Vec<_> = said.iter().map(|request| request.json()["cursor"].clone()).collect();
    assert_eq!(cursors, ["c1", "c1", "c2", "c2"]);
}

#[tokio::test]
async fn a_verifier_that_is_closed_says_that_it_leaves() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    stream.event("heartbeat", &json!({"cursor": "c1", "as_of": NOW, "server_time": NOW})).await;
    counted(&verifier, "the stream is open", |counters| counters.connects == 1).await;
    verifier.close().await;
    let said = stage.service.asked(ACK, 1).await;
    assert_eq!(said[0].json()["leaving"], true);
    assert_eq!(said[0].json()["stream_id"], "stream-0");
    stream.hung_up().await;
}

#[tokio::test]
async fn the_tasks_end_with_the_last_clone() {
    let stage = Stage::new().await;
    let (verifier, stream) = stage.connected().await;
    let clone = verifier.clone();
    counted(&verifier, "the stream is open", |counters| counters.connects == 1).await;
    drop(verifier);
    assert_eq!(verdict(&clone, &stage.token()), "valid");
    drop(clone);
    stream.hung_up().await;
    let said = stage.service.asked(ACK, 1).await;
    assert_eq!(said[0].json()["leaving"], true);
}

#[tokio::test]
async fn events_of_a_newer_service_are_passed_over() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    stream.send(": a comment\n\nevent: weather\ndata: sunny\n\nretry: 1\n\n").await;
    let mut more = batch(NOW, "c1", &[logout(session(1))]);
    more["more"] = json!({"than": "known"});
    stream.event("revocations", &more).await;
    verdict_becomes(&verifier, &stage.token(), "revoked").await;
    assert_eq!((verifier.counters().resyncs, verifier.counters().malformed), (0, 0));
}

#[tokio::test]
async fn a_cursor_that_the_service_does_not_take_is_replaced_by_that_of_the_snapshot() {
    let stage = Stage::new().await;
    let (verifier, mut stream) = stage.connected().await;
    stream.event("heartbeat", &json!({"cursor": "c9", "as_of": NOW, "server_time": NOW})).await;
    counted(&verifier, "the stream is open", |counters| counters.connects == 1).await;
    let fresh = NOW.as_millis().to_string();
    let unchanged = Reply::status(304).with("signet-as-of", &fresh).with("signet-server-time", &fresh);
    stage.service.reply(SNAPSHOT, unchanged);
    stage.service.reply(STREAM, Reply::status(400));
    drop(stream);
    let asked = stage.service.asked(SNAPSHOT, 2).await;
    assert_eq!(asked[0].header("if-none-match"), None);
    assert_eq!(asked[1].header("if-none-match"), Some("W/\"snapshot-1\""));
    stage.service.open_streams();
    let stream = stage.service.stream().await;
    assert_eq!(stream.request.query["cursor"], "c0");
    assert_eq!(verdict(&verifier, &stage.token()), "valid");
    assert_eq!(verifier.counters().resyncs, 0);
}
