//! Revocations that wait: who is counted, who is named, and who is waited for no longer.

use futures_util::future::join;
use serde_json::{Value, json};

use crate::events::Stream;
use crate::harness::{Answer, TestApp, run};

const FEED: &str = "/v1/revocations";

/// Revokes a subject and says who has applied it.
async fn revoke(app: &TestApp, subject: &str, wait: &str, timeout_ms: u32) -> Value {
    let body = json!({"scope": {"sub": subject}, "wait": wait, "timeout_ms": timeout_ms});
    let answer = app.post_as("app", FEED, body).await;
    answer.expect(200);
    assert_eq!(answer.json["applied"]["nodes"], json!({"applied": 1, "total": 1}));
    answer.json["applied"]["verifiers"].clone()
}

/// Reads and acknowledges whatever is asked for, until a subject has been denied.
async fn apply_until(app: &TestApp, stream: &mut Stream, subject: &str) {
    loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.data["ack"] == true {
            stream.acknowledge(app, &event.id).await.expect(204);
        }
        if event.subjects().contains(&subject) {
            return;
        }
    }
}

/// Asks until the service has noticed that nobody reads any more.
async fn until_disconnected(app: &TestApp, verifier: &str) {
    let gone = json!([{"verifier": verifier, "connected": false}]);
    for attempt in 0..1_000 {
        if revoke(app, &format!("probe-{attempt}"), "none", 0).await["waiting_for"] == gone {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{verifier} still counts as connected");
}

#[test]
fn with_no_verifier_there_is_nobody_to_wait_for() {
    run(async {
        let app = TestApp::start().await;
        for wait in ["none", "nodes", "verifiers"] {
            assert_eq!(revoke(&app, wait, wait, 60_000).await, json!({"applied": 0, "total": 0}), "{wait}");
        }
        let without_timeout = json!({"scope": {"sub": "u"}, "wait": "verifiers"});
        app.post_as("app", FEED, without_timeout).await.expect(200);
    });
}

#[test]
fn a_verifier_that_never_acknowledges_is_named_when_the_time_is_up() {
    run(async {
        let app = TestApp::start().await;
        let _silent = Stream::open(&app, &[("verifier", "silent")]).await;
        let expected =
            json!({"applied": 0, "total": 1, "waiting_for": [{"verifier": "silent", "connected": true}]});
        assert_eq!(revoke(&app, "a", "verifiers", 50).await, expected);
        assert_eq!(revoke(&app, "b", "verifiers", 0).await, expected);
        assert_eq!(revoke(&app, "c", "none", 60_000).await, expected, "not waited for, and not hidden");
    });
}

#[test]
fn a_verifier_without_a_name_is_named_by_its_stream() {
    run(async {
        let app = TestApp::start().await;
        let stream = Stream::open(&app, &[]).await;
        let verifiers = revoke(&app, "a", "verifiers", 0).await;
        assert_eq!(verifiers["waiting_for"][0]["verifier"], stream.id());
    });
}

#[test]
fn the_answer_comes_when_every_verifier_has_acknowledged() {
    run(async {
        let app = TestApp::start().await;
        let mut one = Stream::open(&app, &[("verifier", "one")]).await;
        let mut two = Stream::open(&app, &[("verifier", "two")]).await;
        let waiting = revoke(&app, "u", "verifiers", 60_000);
        let applying = async {
            let event = one.next_asking().await;
            assert_eq!(event.subjects(), ["u"], "the event itself asks: {}", event.data);
            one.acknowledge(&app, &event.id).await.expect(204);
            apply_until(&app, &mut two, "u").await;
        };
        let (verifiers, ()) = join(waiting, applying).await;
        assert_eq!(verifiers, json!({"applied": 2, "total": 2}));
        let quiet = revoke(&app, "v", "none", 0).await;
        assert_eq!(quiet["applied"], 0);
        assert!(one.next_of("revocations").await.data.get("ack").is_none(), "nobody waits any more");
        let lag = "signet_feed_apply_lag_seconds_count 2\n";
        let metrics = app.get("/metrics").await;
        assert!(metrics.text.contains(lag), "{}", metrics.text);
    });
}

#[test]
fn what_was_revoked_before_is_waited_for_as_well() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await.session_id();
        let path = format!("/v1/sessions/{session}");
        let mut stream = Stream::open(&app, &[("verifier", "v")]).await;
        app.delete_as("app", &path).await.expect(200);
        assert!(stream.next_of("revocations").await.data.get("ack").is_none());
        // The log has it already, and no event will come of it: a heartbeat asks.
        let patient = format!("{path}?wait=verifiers&timeout_ms=60000");
        let waiting = app.delete_as("app", &patient);
        let applying = async {
            let event = stream.next_asking().await;
            stream.acknowledge(&app, &event.id).await.expect(204);
        };
        let (answer, ()) = join(waiting, applying).await;
        answer.expect(200);
        assert_eq!(answer.json["applied"]["verifiers"], json!({"applied": 1, "total": 1}));
    });
}

#[test]
fn a_verifier_that_was_cut_off_counts_until_it_vouches_for_nothing() {
    run(async {
        let app = TestApp::start().await;
        let stream = Stream::open(&app, &[("verifier", "gone"), ("max_staleness_ms", "1500")]).await;
        drop(stream);
        until_disconnected(&app, "gone").await;
        // It comes to nothing but the end of what the verifier may still vouch for.
        assert_eq!(revoke(&app, "a", "verifiers", 60_000).await, json!({"applied": 0, "total": 0}));
    });
}

#[test]
fn a_verifier_that_reconnects_says_by_its_cursor_what_it_has() {
    run(async {
        let app = TestApp::start().await;
        let mut stream = Stream::open(&app, &[("verifier", "v")]).await;
        revoke(&app, "a", "none", 0).await;
        let event = stream.next_of("revocations").await;
        drop(stream);
        until_disconnected(&app, "v").await;
        let mut stream = Stream::open(&app, &[("verifier", "v"), ("cursor", &event.id)]).await;
        let verifiers = revoke(&app, "b", "none", 0).await;
        assert_eq!(
            (&verifiers["total"], &verifiers["waiting_for"][0]["connected"]),
            (&json!(1), &json!(true))
        );
        stream.subjects_until("b").await;
        let head = app.get_as("app", FEED).await.json["cursor"].as_str().unwrap().to_owned();
        // It closed neither: the newer stream speaks for it.
        let _resumed = Stream::open(&app, &[("verifier", "v"), ("cursor", &head)]).await;
        let sid = app.issue(json!({"sub": "u", "aud": "api"})).await.session_id();
        let path = format!("/v1/sessions/{sid}");
        app.delete_as("app", &path).await.expect(200);
        let head = app.get_as("app", FEED).await.json["cursor"].as_str().unwrap().to_owned();
        let _resumed = Stream::open(&app, &[("verifier", "v"), ("cursor", &head)]).await;
        // Revoked already, so nothing new is written, and by its cursor it has everything.
        let answer = app.delete_as("app", &path).await;
        assert_eq!(answer.json["applied"]["verifiers"], json!({"applied": 1, "total": 1}));
    });
}

#[test]
fn a_verifier_that_leaves_is_waited_for_no_longer() {
    run(async {
        let app = TestApp::start().await;
        let stream = Stream::open(&app, &[("verifier", "v"), ("max_staleness_ms", "86400000")]).await;
        let leaving = json!({"stream_id": stream.id(), "cursor": stream.hello.id, "leaving": true});
        app.post_as("app", "/v1/revocations/ack", leaving).await.expect(204);
        assert_eq!(revoke(&app, "u", "verifiers", 60_000).await, json!({"applied": 0, "total": 0}));
        drop(stream);
        assert_eq!(revoke(&app, "v", "verifiers", 60_000).await, json!({"applied": 0, "total": 0}));
    });
}

#[test]
fn one_name_of_two_clients_is_two_verifiers() {
    run(async {
        let app = TestApp::start().await;
        let _mine = Stream::open(&app, &[("verifier", "v")]).await;
        let theirs = Stream::request(&app, "reader", &[("verifier", "v")]);
        let _theirs = Stream::of(theirs).await;
        assert_eq!(revoke(&app, "u", "none", 0).await["total"], 2);
    });
}

#[test]
fn keys_and_sessions_report_and_wait_the_same_way() {
    run(async {
        let app = TestApp::start().await;
        let _silent = Stream::open(&app, &[("verifier", "silent")]).await;
        let waiting_for = json!([{"verifier": "silent", "connected": true}]);
        let keys = app.get_as("app", "/v1/keys").await;
        let signing = keys.json["keys"].as_array().unwrap().iter().find(|key| key["use"] == "sig").unwrap();
        let path = format!("/v1/keys/{}/revoke", signing["kid"].as_str().unwrap());
        let body = json!({"wait": "verifiers", "timeout_ms": 10});
        let key = app.post_as("app", &path, body).await;
        key.expect(200);
        assert_eq!(key.json["applied"]["verifiers"]["waiting_for"], waiting_for);
        let sid = app.issue(json!({"sub": "u", "aud": "api"})).await.session_id();
        let session = app.delete_as("app", &format!("/v1/sessions/{sid}?wait=verifiers&timeout_ms=10")).await;
        session.expect(200);
        assert_eq!(session.json["applied"]["verifiers"]["waiting_for"], waiting_for);
        for (query, name) in [
            ("wait=all", "wait"),
            ("wait=none&wait=none", "wait"),
            ("timeout_ms=60001", "timeout_ms"),
            ("timeout_ms=-1", "timeout_ms"),
            ("timeout=1", "timeout"),
        ] {
            let answer = app.delete_as("app", &format!("/v1/sessions/{sid}?{query}")).await;
            answer.expect_problem(400, name);
        }
        for (body, name) in [
            (json!({"wait": "all"}), "wait"),
            (json!({"timeout_ms": 60_001}), "timeout_ms"),
            (json!({"timeout_ms": "1"}), "timeout_ms"),
        ] {
            app.post_as("app", &path, body.clone()).await.expect_problem(400, name);
            let mut body = body;
            body["scope"] = json!({"sub": "u"});
            app.post_as("app", FEED, body).await.expect_problem(400, name);
        }
    });
}

#[test]
fn many_who_wait_at_once_all_get_their_answer() {
    run(async {
        let app = TestApp::start().await;
        let mut stream = Stream::open(&app, &[("verifier", "v")]).await;
        let waiting = futures_util::future::join_all((0..50).map(|n| {
            let app = &app;
            async move { revoke(app, &format!("user-{n}"), "verifiers", 60_000).await }
        }));
        let applying = async {
            let mut denied = 0;
            while denied < 50 {
                let event = stream.next().await.expect("the stream goes on");
                denied += event.subjects().len();
                if event.data["ack"] == true {
                    let answer: Answer = stream.acknowledge(&app, &event.id).await;
                    answer.expect(204);
                }
            }
        };
        let (answers, ()) = join(waiting, applying).await;
        for verifiers in answers {
            assert_eq!(verifiers, json!({"applied": 1, "total": 1}));
        }
    });
}
