//! The revocation feed: snapshot, stream, resuming, and what is refused. What waits for verifiers is in `feed_wait.rs`.

use std::io::Read;

use serde_json::{Value, json};

use crate::events::Stream;
use crate::harness::{Answer, Options, START, TestApp, run};

const FEED: &str = "/v1/revocations";
const STREAM: &str = "/v1/revocations/stream";
const ACK: &str = "/v1/revocations/ack";

async fn revoke(app: &TestApp, subject: &str) -> Answer {
    let answer = app.post_as("app", FEED, json!({"scope": {"sub": subject}})).await;
    answer.expect(200);
    answer
}

#[test]
fn the_snapshot_holds_what_is_denied_and_says_where_it_ends() {
    run(async {
        let app = TestApp::start().await;
        app.post_as("app", FEED, json!({"scope": {"claim": {"tenant": "acme"}}, "effect": "refresh"}))
            .await
            .expect(200);
        revoke(&app, "u").await;
        let snapshot = app.get_as("app", FEED).await;
        snapshot.expect(200);
        let now = START.as_millis();
        assert_eq!((&snapshot.json["version"], &snapshot.json["server_time"]), (&json!(1), &json!(now)));
        assert_eq!(snapshot.json["as_of"], now);
        let limits =
            json!({"longest_access_ttl_ms": 600_000, "leeway_ms": 30_000, "revocable_claims": ["tenant"]});
        assert_eq!(snapshot.json["limits"], limits);
        let mut scopes: Vec<String> = snapshot.json["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["scope"].to_string())
            .collect();
        scopes.sort();
        assert_eq!(scopes, [r#"{"claim":{"name":"tenant","value":"acme"}}"#, r#"{"sub":"u"}"#]);
        for entry in snapshot.json["entries"].as_array().unwrap() {
            assert!(
                entry["issued_before"].as_u64().unwrap() > now && entry["expires_at"].as_u64().unwrap() > now
            );
        }
        assert!(signet_verifier::Snapshot::parse(snapshot.text.as_bytes()).is_ok());
        for (name, value) in [
            ("cache-control", "private, no-cache"),
            ("vary", "Accept-Encoding, Authorization"),
            ("content-type", "application/json"),
            ("x-content-type-options", "nosniff"),
            ("signet-as-of", &now.to_string()),
            ("signet-server-time", &now.to_string()),
        ] {
            assert_eq!(snapshot.header(name), value, "{name}");
        }
        assert!(snapshot.header("etag").starts_with("W/\""));
    });
}

#[test]
fn who_has_the_snapshot_already_is_told_how_fresh_it_is() {
    run(async {
        let app = TestApp::start().await;
        revoke(&app, "u").await;
        let etag = app.get_as("app", FEED).await.header("etag").to_owned();
        app.clock.advance(std::time::Duration::from_secs(7));
        let again = Answer::of(app.request_as("app", "GET", FEED).header("if-none-match", &etag)).await;
        again.expect(304);
        assert_eq!(again.text, "");
        let later = START.as_millis() + 7_000;
        assert_eq!(again.header("signet-server-time"), later.to_string());
        let as_of: u64 = again.header("signet-as-of").parse().unwrap();
        assert!(
            (START.as_millis()..=later).contains(&as_of),
            "what was read, and no promise beyond it: {as_of}"
        );
        assert_eq!((again.header("etag"), again.header("vary")), (&*etag, "Accept-Encoding, Authorization"));
        revoke(&app, "v").await;
        let changed = Answer::of(app.request_as("app", "GET", FEED).header("if-none-match", &etag)).await;
        changed.expect(200);
        assert_ne!(changed.header("etag"), etag);
    });
}

#[test]
fn what_is_compressed_is_the_plain_snapshot() {
    run(async {
        let app = TestApp::start().await;
        for n in 0..300 {
            revoke(&app, &format!("user-{n}")).await;
        }
        let http = crate::harness::http().no_gzip().build().unwrap();
        let get = async |accept: &str| {
            let request =
                http.get(format!("{}{FEED}", app.url)).basic_auth("app", Some(crate::harness::SECRET));
            let response = request.header("accept-encoding", accept).send().await.unwrap();
            let coding =
                response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), coding, response.bytes().await.unwrap())
        };
        let (_, coding, plain) = get("identity").await;
        assert_eq!(coding, None);
        let (_, coding, zstd) = get("gzip, zstd").await;
        assert_eq!(coding.as_deref(), Some("zstd"));
        assert_eq!(zstd::bulk::decompress(&zstd, plain.len() + 1).unwrap(), plain);
        let (_, coding, gzip) = get("gzip").await;
        assert_eq!(coding.as_deref(), Some("gzip"));
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*gzip).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
        assert!(zstd.len() < plain.len() / 2 && gzip.len() < plain.len() / 2);
        let (status, _, problem) = get("identity;q=0, br").await;
        let problem: Value = serde_json::from_slice(&problem).unwrap();
        assert_eq!((status, &problem["code"]), (406, &json!("not_acceptable")));
    });
}

#[test]
fn head_has_the_headers_and_ends() {
    run(async {
        let app = TestApp::start().await;
        revoke(&app, "u").await;
        let get = app.get_as("app", FEED).await;
        let head = Answer::of(app.request_as("app", "HEAD", FEED)).await;
        assert_eq!((head.status, &*head.text), (200, ""));
        for name in ["etag", "content-type", "cache-control", "vary", "signet-as-of"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
        let stream = Stream::open(&app, &[]).await;
        let head = Answer::of(app.request_as("app", "HEAD", STREAM)).await;
        assert_eq!((head.status, &*head.text), (200, ""));
        for name in ["content-type", "cache-control", "x-accel-buffering", "x-content-type-options"] {
            assert_eq!(head.header(name), stream.headers[name], "{name}");
        }
        assert_eq!(head.header("content-type"), "text/event-stream");
        assert_eq!((head.header("cache-control"), head.header("x-accel-buffering")), ("no-store", "no"));
        let refused = Answer::of(app.request_as("app", "HEAD", &format!("{STREAM}?cursor="))).await;
        assert_eq!(refused.status, 400);
        assert!(
            app.get("/metrics").await.text.contains("signet_feed_streams_opened_total 1\n"),
            "HEAD opens none"
        );
    });
}

#[test]
fn the_feed_is_for_clients_that_may_read_it() {
    run(async {
        let app = TestApp::start().await;
        let said = json!({"stream_id": "s", "cursor": "c"});
        for (method, path) in [("GET", FEED), ("HEAD", FEED), ("GET", STREAM), ("POST", ACK)] {
            let ask = |request: reqwest::RequestBuilder| Answer::of(request.json(&said));
            let nobody = ask(app.request(method, path)).await;
            assert_eq!(nobody.status, 401, "{method} {path}");
            assert!(!nobody.header("www-authenticate").is_empty());
            for stranger in ["rs", "ed"] {
                let answer = ask(app.request_as(stranger, method, path)).await;
                assert_eq!(answer.status, 403, "{method} {path}");
                assert!(
                    method == "HEAD" || answer.json["detail"].as_str().unwrap().contains("revocations:read")
                );
            }
            let public = ask(app.request_as("spa", method, path)).await;
            assert_eq!(public.status, 401, "{method} {path}");
        }
        let form = [("grant_type", "client_credentials"), ("resource", app.issuer())];
        let token = app.form_as("app", "/oauth2/token", &form).await.access_token();
        Answer::of(app.request("GET", FEED).bearer_auth(&token)).await.expect(200);
        Stream::of(app.request("GET", STREAM).bearer_auth(&token)).await;
        let user = app.issue(json!({"sub": "u", "aud": "api"})).await.access_token();
        Answer::of(app.request("GET", FEED).bearer_auth(&user)).await.expect(401);
    });
}

#[test]
fn a_malformed_question_is_refused_by_the_name_of_its_parameter() {
    run(async {
        let app = TestApp::start().await;
        let huge = "a".repeat(10_000);
        for (query, name) in [
            ("cursor=", "cursor"),
            ("cursor=a%20b", "cursor"),
            ("cursor=%00", "cursor"),
            (&format!("cursor={huge}"), "cursor"),
            ("cursor=a&cursor=b", "cursor"),
            ("verifier=a&verifier=a", "verifier"),
            ("verifier=a%0d%0ab", "verifier"),
            (&format!("verifier={huge}"), "verifier"),
            ("max_staleness_ms=1e3", "max_staleness_ms"),
            ("max_staleness_ms=86400001", "max_staleness_ms"),
            ("max_staleness_ms=1&max_staleness_ms=1", "max_staleness_ms"),
            ("Cursor=a", "Cursor"),
            (&format!("{huge}=1"), "aaaa"),
        ] {
            let answer = app.get_as("app", &format!("{STREAM}?{query}")).await;
            answer.expect_problem(400, name);
            assert!(answer.text.len() < 500, "no more of it than needed: {}", answer.text);
        }
        let stream = || app.request_as("app", "GET", STREAM);
        for id in ["", "a b", &huge] {
            Answer::of(stream().header("last-event-id", id)).await.expect_problem(400, "Last-Event-ID");
        }
        let twice = stream().header("last-event-id", "a").header("last-event-id", "a");
        Answer::of(twice).await.expect_problem(400, "Last-Event-ID");
        assert!(app.get("/metrics").await.text.contains("signet_feed_streams_opened_total 0\n"));
    });
}

#[test]
fn a_revocation_reaches_an_open_stream_and_every_event_says_where_it_is() {
    run(async {
        let app = TestApp::start().await;
        let mut stream = Stream::open(&app, &[("verifier", "orders-1")]).await;
        let hello = stream.hello.clone();
        assert_eq!((&hello.data["version"], &hello.data["heartbeat_ms"]), (&json!(1), &json!(5_000)));
        assert_eq!(hello.data["limits"], app.get_as("app", FEED).await.json["limits"]);
        assert_eq!(hello.id, hello.data["cursor"].as_str().unwrap());
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await.session_id();
        app.delete_as("app", &format!("/v1/sessions/{session}")).await.expect(200);
        let event = stream.next_of("revocations").await;
        assert_eq!(event.data["entries"][0]["scope"], json!({"sid": session}));
        assert_eq!(event.id, event.data["cursor"].as_str().unwrap());
        assert_ne!(event.id, hello.id);
        assert!(event.data["as_of"].is_u64(), "it has caught up: {}", event.data);
        assert!(event.data.get("ack").is_none(), "nobody waits");
        let snapshot = app.get_as("app", FEED).await;
        assert_eq!(snapshot.json["cursor"], event.data["cursor"], "one place, one cursor");
        let metrics = app.get("/metrics").await;
        for line in ["signet_feed_verifiers_connected 1\n", "signet_denylist_entries 1\n"] {
            assert!(metrics.text.contains(line), "{line}{}", metrics.text);
        }
    });
}

#[test]
fn who_resumes_sees_each_entry_once() {
    run(async {
        let app = TestApp::start().await;
        let before = app.get_as("app", FEED).await.json["cursor"].as_str().unwrap().to_owned();
        for subject in ["a", "b", "c"] {
            revoke(&app, subject).await;
        }
        let mut stream = Stream::open(&app, &[("cursor", &before)]).await;
        assert_eq!(stream.hello.data["cursor"], before);
        assert_eq!(stream.subjects_until("c").await, ["a", "b", "c"]);
        revoke(&app, "d").await;
        let live = stream.next_of("revocations").await;
        assert_eq!(live.subjects(), ["d"]);
        drop(stream);
        revoke(&app, "e").await;
        revoke(&app, "f").await;
        let mut by_cursor = Stream::open(&app, &[("cursor", &live.id)]).await;
        assert_eq!(by_cursor.subjects_until("f").await, ["e", "f"]);
        // The cursor in the address is the one that the page began with; the header is newer.
        let by_header = Stream::request(&app, "app", &[("cursor", &before)]);
        let mut by_header = Stream::of(by_header.header("last-event-id", &live.id)).await;
        assert_eq!(by_header.subjects_until("f").await, ["e", "f"]);
        let mut from_now = Stream::open(&app, &[]).await;
        revoke(&app, "g").await;
        assert_eq!(from_now.subjects_until("g").await, ["g"]);
        assert_eq!(by_cursor.subjects_until("g").await, ["g"]);
    });
}

#[test]
fn a_reader_that_resumes_again_and_again_while_entries_arrive_misses_none() {
    run(async {
        let app = TestApp::start().await;
        let mut cursor = app.get_as("app", FEED).await.json["cursor"].as_str().unwrap().to_owned();
        let wanted: Vec<String> = (0..60).map(|n| format!("user-{n:02}")).collect();
        let revoking = async {
            for subject in &wanted {
                revoke(&app, subject).await;
            }
        };
        let reading = async {
            let mut seen: Vec<String> = Vec::new();
            while seen.last() != wanted.last() {
                // One event from each stream, then gone.
                let mut stream = Stream::open(&app, &[("cursor", &cursor), ("verifier", "restless")]).await;
                let event = stream.next_of("revocations").await;
                seen.extend(event.subjects().into_iter().map(str::to_owned));
                cursor = event.id;
            }
            seen
        };
        let ((), seen) = futures_util::future::join(revoking, reading).await;
        assert_eq!(seen, wanted);
    });
}

#[test]
fn a_cursor_that_cannot_be_served_gets_a_reset_and_never_silence() {
    run(async {
        let other = TestApp::start().await;
        revoke(&other, "u").await;
        let foreign = other.get_as("app", FEED).await.json["cursor"].as_str().unwrap().to_owned();
        let app = TestApp::start().await;
        revoke(&app, "u").await;
        revoke(&app, "v").await;
        let own = app.get_as("app", FEED).await.json["cursor"].as_str().unwrap().to_owned();
        // Another character in the middle of the text: another count, or another hash.
        let twisted = |index: usize| -> String {
            let swap = |c: char| if c == 'A' { 'B' } else { 'A' };
            own.chars().enumerate().map(|(at, c)| if at == index { swap(c) } else { c }).collect()
        };
        for cursor in
            [&foreign, "nonsense", &own[1..], &format!("{own}A"), &twisted(2), &twisted(18), &twisted(30)]
        {
            let mut stream = Stream::open(&app, &[("cursor", cursor)]).await;
            let event = stream.next_of("reset").await;
            assert!(!event.data["reason"].as_str().unwrap().is_empty(), "{cursor}");
            assert!(stream.next().await.is_none(), "the stream ends: {cursor}");
        }
        assert!(app.get("/metrics").await.text.contains("signet_feed_resets_total 7\n"));
    });
}

#[test]
fn an_acknowledgement_is_taken_from_the_owner_of_the_stream_for_a_place_in_this_feed() {
    run(async {
        let app = TestApp::start().await;
        revoke(&app, "u").await;
        let foreign = {
            let other = TestApp::start().await;
            revoke(&other, "u").await;
            other.get_as("app", FEED).await.json["cursor"].as_str().unwrap().to_owned()
        };
        let stream = Stream::open(&app, &[("verifier", "v")]).await;
        let here = stream.hello.data["cursor"].as_str().unwrap().to_owned();
        stream.acknowledge(&app, &here).await.expect(204);
        stream.acknowledge(&app, &here).await.expect(204);
        let said = json!({"stream_id": stream.id(), "cursor": here});
        app.post_as("reader", ACK, said.clone()).await.expect_code(404, "unknown_stream");
        let leaving = json!({"stream_id": stream.id(), "cursor": here, "leaving": true});
        app.post_as("reader", ACK, leaving).await.expect_code(404, "unknown_stream");
        for id in ["", "x", &"x".repeat(10_000), "../..", "\u{0}"] {
            let said = json!({"stream_id": id, "cursor": here});
            app.post_as("app", ACK, said).await.expect_code(404, "unknown_stream");
        }
        // The head of a feed that has come further, by the cursor's own layout: this log, one entry more.
        for cursor in ["nonsense", &foreign, &ahead_of(&here)] {
            let answer = stream.acknowledge(&app, cursor).await;
            answer.expect_problem(400, "cursor");
        }
    });
}

/// The same log, one entry further, with the hash that it has here.
fn ahead_of(cursor: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
    bytes[15] += 1;
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn a_malformed_acknowledgement_is_refused_by_the_name_of_its_member() {
    run(async {
        let app = TestApp::start().await;
        for (said, name) in [
            (json!({"stream_id": "s"}), "cursor"),
            (json!({"cursor": "c"}), "stream_id"),
            (json!({"stream_id": "s", "cursor": ""}), "cursor"),
            (json!({"stream_id": "s", "cursor": "a b"}), "cursor"),
            (json!({"stream_id": "s", "cursor": "a".repeat(10_000)}), "cursor"),
            (json!({"stream_id": 1, "cursor": "c"}), "stream_id"),
            (json!({"stream_id": "s", "cursor": "c", "leaving": "yes"}), "leaving"),
            (json!({"stream_id": "s", "cursor": "c", "verifier": "v"}), "verifier"),
        ] {
            app.post_as("app", ACK, said).await.expect_problem(400, name);
        }
        app.post_as("app", ACK, json!([])).await.expect(400);
        let text = app.request_as("app", "POST", ACK).body("{}").header("content-type", "text/plain");
        Answer::of(text).await.expect(415);
    });
}

#[test]
fn a_shutdown_ends_the_streams_and_their_cursors_hold_afterwards() {
    run(async {
        let app = TestApp::start().await;
        let mut streams = Vec::new();
        for n in 0..20 {
            streams.push(Stream::open(&app, &[("verifier", &format!("v{n}"))]).await);
        }
        let cursor = streams[0].hello.id.clone();
        let app = app.restart().await;
        for mut stream in streams {
            while let Some(event) = stream.next().await {
                assert_eq!(event.name, "heartbeat");
            }
        }
        revoke(&app, "u").await;
        let mut resumed = Stream::open(&app, &[("cursor", &cursor)]).await;
        assert_eq!(resumed.subjects_until("u").await, ["u"]);
    });
}

#[test]
fn with_the_store_away_the_snapshot_waits_and_says_so() {
    run(async {
        let app = TestApp::with(Options::default()).await;
        revoke(&app, "u").await;
        app.store_goes_away();
        let answer = app.get_as("app", FEED).await;
        // What is known may still be served; what is not known must not be made up.
        if answer.status != 200 {
            answer.expect_code(503, "store_unavailable");
            assert_eq!(answer.header("retry-after"), "1");
        }
        app.store_comes_back();
        app.get_as("app", FEED).await.expect(200);
    });
}

#[test]
fn the_metadata_names_the_feed() {
    run(async {
        let app = TestApp::start().await;
        for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
            let metadata = app.get(path).await;
            assert_eq!(metadata.json["revocation_feed_uri"], "http://signet.test/v1/revocations");
        }
    });
}

#[test]
fn metrics_are_for_anyone_in_the_format_of_their_type() {
    run(async {
        let app = TestApp::start().await;
        app.get_as("app", FEED).await.expect(200);
        let metrics = app.get("/metrics").await;
        metrics.expect(200);
        assert_eq!(
            metrics.header("content-type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert!(metrics.text.ends_with("# EOF\n"));
        assert!(
            metrics.text.contains("signet_feed_snapshots_total{answer=\"full\"} 1\n"),
            "{}",
            metrics.text
        );
    });
}
