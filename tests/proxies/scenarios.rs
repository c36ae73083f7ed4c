//! What holds through every proxy.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::application::Seen;
use crate::client::Request;
use crate::proxy::{Kind, World};
use crate::service::Session;

/// The four names, as they are written and in every other spelling that some application could take for them.
const SPELLINGS: [&str; 12] = [
    "X-Auth-Subject",
    "X-Auth-Session",
    "X-Auth-Scope",
    "X-Auth-Claims",
    "x-auth-subject",
    "X-AUTH-SUBJECT",
    "X_Auth_Subject",
    "X_AUTH_SCOPE",
    "x_auth-claims",
    "X-Auth_Session",
    "X_AUTH-SUBJECT",
    "X-AUTH_SCOPE",
];

/// The application heard of this session and of nobody else.
#[track_caller]
fn is_of(seen: &Seen, session: &Session, subject: &str, scope: &str) {
    assert_eq!(seen.header("x-auth-subject"), [subject], "{seen:?}");
    assert_eq!(seen.header("x-auth-session"), [session.sid.as_str()], "{seen:?}");
    // A proxy may leave an empty header out.
    assert_eq!(seen.header("x-auth-scope").concat(), scope, "{seen:?}");
    let claims = URL_SAFE_NO_PAD.decode(seen.header("x-auth-claims").concat()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        (&claims["sid"], &claims["tenant"]),
        (&session.sid.as_str().into(), &"acme".into()),
        "{seen:?}"
    );
    let mut names = seen.names_of_identity();
    names.dedup();
    assert!(names.len() == seen.names_of_identity().len(), "a header twice: {seen:?}");
    assert!(
        names.iter().all(|name| SPELLINGS.iter().any(|known| known.eq_ignore_ascii_case(name))),
        "{seen:?}"
    );
}

pub(crate) async fn a_good_token_passes_by_every_method_and_the_application_hears_who_it_is(kind: Kind) {
    let world = World::with(kind).await;
    let alice = world.service.issue("alice", Some("read write")).await;
    for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        let answer = world.request(method, "/a/b?c=d&e=%2F").bearer(&alice.token).send().await;
        answer.expect(200);
        assert_eq!(answer.header("x-from"), ["application"]);
        let seen = world.application.take_one();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, "/a/b?c=d&e=%2F"));
        is_of(&seen, &alice, "alice", "read write");
    }
    let soren = world.service.issue("søren 1", None).await;
    world.request("GET", "/").bearer(&soren.token).send().await.expect(200);
    is_of(&world.application.take_one(), &soren, "s%C3%B8ren%201", "");
    // What the application itself answers stays its own.
    for status in [401, 403, 404, 500, 503] {
        let answer = world.request("GET", &format!("/status/{status}")).bearer(&alice.token).send().await;
        answer.expect(status);
        assert_eq!(answer.header("x-from"), ["application"]);
        assert_eq!(answer.header("retry-after"), [""; 0]);
    }
}

pub(crate) async fn a_request_without_a_good_token_is_refused_and_the_application_never_hears_of_it(
    kind: Kind,
) {
    let world = World::with(kind).await;
    let alice = world.service.issue("alice", None).await;
    let forged = format!("{}AAAA", &alice.token[..alice.token.len() - 4]);
    for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE"] {
        let none = world.request(method, "/").send().await;
        none.expect(401);
        assert_eq!(none.header("www-authenticate"), [r#"Bearer realm="signet""#]);
        let bad = world.request(method, "/").bearer(&forged).send().await;
        bad.expect(401);
        assert_eq!(bad.header("www-authenticate"), [r#"Bearer realm="signet", error="invalid_token""#]);
    }
    let basic = world.request("GET", "/").line("Authorization", "Basic YWRtaW46YWRtaW4=").send().await;
    basic.expect(401);
    // nginx refuses the second line itself.
    let twice = world.request("GET", "/").bearer(&alice.token).bearer(&alice.token).send().await;
    assert!(matches!(twice.status, 400 | 401), "{twice:?}");
    let twice = world.request("GET", "/").bearer(&forged).bearer(&alice.token).send().await;
    assert!(matches!(twice.status, 400 | 401), "{twice:?}");
    let twice = world.request("GET", "/").bearer(&alice.token).bearer(&forged).send().await;
    assert!(matches!(twice.status, 400 | 401), "{twice:?}");
    assert!(world.application.take().is_empty());
}

pub(crate) async fn a_token_that_allows_too_little_is_refused_with_the_scope_that_it_lacks(kind: Kind) {
    let world = World::with_profile(kind, "admin").await;
    let user = world.service.issue("user", Some("read")).await;
    let refused = world.request("GET", "/").bearer(&user.token).send().await;
    refused.expect(403);
    let challenge = r#"Bearer realm="signet", error="insufficient_scope", scope="admin""#;
    assert_eq!(refused.header("www-authenticate"), [challenge]);
    assert!(world.application.take().is_empty());
    let admin = world.service.issue("boss", Some("read admin")).await;
    world.request("GET", "/").bearer(&admin.token).send().await.expect(200);
    is_of(&world.application.take_one(), &admin, "boss", "read admin");
}

pub(crate) async fn a_revoked_session_is_refused_at_the_very_next_request(kind: Kind) {
    let world = World::with(kind).await;
    let (alice, bob) = (world.service.issue("alice", None).await, world.service.issue("bob", None).await);
    for _ in 0..3 {
        world.request("GET", "/").bearer(&alice.token).send().await.expect(200);
    }
    world.service.revoke(&alice).await;
    assert_eq!(world.application.take().len(), 3);
    let refused = world.request("GET", "/").bearer(&alice.token).send().await;
    refused.expect(401);
    assert_eq!(refused.header("www-authenticate"), [r#"Bearer realm="signet", error="invalid_token""#]);
    assert!(world.application.take().is_empty());
    world.request("GET", "/").bearer(&bob.token).send().await.expect(200);
    is_of(&world.application.take_one(), &bob, "bob", "");
}

pub(crate) async fn the_cookie_of_the_profile_is_as_good_as_a_header(kind: Kind) {
    let world = World::with(kind).await;
    let (alice, bob) = (world.service.issue("alice", None).await, world.service.issue("bob", None).await);
    let cookie = |session: &Session| format!("access={}", session.token);
    let asked = world.request("GET", "/").line("Cookie", &format!("theme=dark; {}; x=y", cookie(&alice)));
    asked.send().await.expect(200);
    is_of(&world.application.take_one(), &alice, "alice", "");
    asked.bearer(&bob.token).send().await.expect(200);
    is_of(&world.application.take_one(), &bob, "bob", "");
    let two = format!("{}; {}", cookie(&alice), cookie(&bob));
    world.request("GET", "/").line("Cookie", &two).send().await.expect(401);
    let two = world.request("GET", "/").line("Cookie", &cookie(&alice)).line("Cookie", &cookie(&bob));
    two.send().await.expect(401);
    assert!(world.application.take().is_empty());
}

pub(crate) async fn what_a_client_says_of_itself_never_reaches_the_application(kind: Kind) {
    let world = World::with(kind).await;
    // No scope: its header is empty, and that must not let the client's own through.
    let alice = world.service.issue("alice", None).await;
    for name in SPELLINGS {
        let liar = world.request("GET", "/").line(name, "admin").line(name, "root");
        liar.send().await.expect(401);
        assert!(world.application.take().is_empty(), "{name}");
        let answer = liar.bearer(&alice.token).send().await;
        // A proxy may refuse a name that it finds odd.
        if answer.status == 200 {
            is_of(&world.application.take_one(), &alice, "alice", "");
        } else {
            answer.expect(400);
            assert!(world.application.take().is_empty(), "{name}");
        }
    }
    let all = SPELLINGS
        .iter()
        .fold(world.request("GET", "/").bearer(&alice.token), |request, name| request.line(name, "x"));
    all.send().await.expect(200);
    is_of(&world.application.take_one(), &alice, "alice", "");
}

pub(crate) async fn a_client_cannot_take_away_what_the_service_said(kind: Kind) {
    let world = World::with(kind).await;
    let alice = world.service.issue("alice", Some("read")).await;
    // Headers that Connection names belong to this hop alone (RFC 9110 §7.6.1): a proxy may drop them on the way.
    for named in [
        "X-Auth-Subject",
        "close, x-auth-scope",
        "keep-alive, X-Auth-Claims, X-Auth-Session",
        "x_auth_subject",
    ] {
        let answer = world.request("GET", "/").bearer(&alice.token).line("Connection", named).send().await;
        if answer.status == 200 {
            is_of(&world.application.take_one(), &alice, "alice", "read");
        } else {
            answer.expect(400);
            assert!(world.application.take().is_empty(), "{named}");
        }
    }
    let answer =
        world.request("GET", "/").bearer(&alice.token).line("Connection", "Authorization").send().await;
    assert!(matches!(answer.status, 200 | 400 | 401), "{answer:?}");
    for seen in world.application.take() {
        is_of(&seen, &alice, "alice", "read");
    }
}

pub(crate) async fn a_client_cannot_choose_what_is_required_of_it(kind: Kind) {
    let world = World::with_profile(kind, "admin").await;
    // Good for the profile `default`, not for `admin`.
    let user = world.service.issue("user", Some("read")).await;
    let refused = async |request: Request, what: &str| {
        let answer = request.bearer(&user.token).send().await;
        assert!(matches!(answer.status, 0 | 400..=499 | 501), "{what}: {answer:?}");
        let seen = world.application.take();
        assert!(seen.is_empty(), "{what}: {seen:?}");
    };
    for target in [
        "/?scope=read&profile=default&audience=api",
        "/v1/forward-auth/default",
        "/../default",
        "/../../forward-auth/default",
        "/%2e%2e/default",
        "/..%2fdefault",
        "/%2e%2e%2fdefault",
        "/..%5cdefault",
        "/.%2e/.%2e/.%2e/v1/forward-auth/default",
        "//../default",
        "/;/../default",
        "/x?/../../default",
        "/x%00/default",
        "/x%0d%0aX-Auth-Scope:%20admin",
        "*",
        "_/../default",
        "/_signet",
        "http://app.example/../default",
        "http://127.0.0.1/v1/forward-auth/default",
    ] {
        refused(world.request("GET", target), target).await;
    }
    // Of the proxy itself, which may answer it (RFC 9110 §9.3.7).
    world.request("OPTIONS", "*").bearer(&user.token).send().await;
    assert!(world.application.take().is_empty());
    for (name, value) in [
        ("X-Forwarded-Uri", "/v1/forward-auth/default"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-Host", "default"),
        ("X-Forwarded-Prefix", "/v1/forward-auth/default"),
        ("X-Original-URL", "/v1/forward-auth/default"),
        ("X-Rewrite-URL", "/v1/forward-auth/default"),
        ("X-Envoy-Original-Path", "/v1/forward-auth/default"),
        ("X-HTTP-Method-Override", "OPTIONS"),
        ("X-Auth-Scope", "admin"),
        ("Cookie", "profile=default; scope=admin; X-Auth-Scope=admin"),
        ("Upgrade", "websocket"),
        ("Expect", "100-continue"),
        ("Transfer-Encoding", "chunked, identity"),
    ] {
        refused(world.request("GET", "/").line(name, value), name).await;
    }
    for method in ["HEAD", "OPTIONS", "POST", "DELETE", "TRACE", "PURGE"] {
        refused(world.request(method, "/"), method).await;
    }
}

pub(crate) async fn a_body_arrives_whole_and_an_upgraded_connection_stays_one(kind: Kind) {
    let world = World::with(kind).await;
    let alice = world.service.issue("alice", None).await;
    // More than any buffer on the way, and bytes of every value.
    let body: Vec<u8> = (0..700_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    for method in ["POST", "PUT", "PATCH"] {
        world.request(method, "/upload").bearer(&alice.token).body(&body).send().await.expect(200);
        let seen = world.application.take_one();
        assert!(seen.body == body, "{method}: {} of {} bytes", seen.body.len(), body.len());
        is_of(&seen, &alice, "alice", "");
    }
    world.request("POST", "/upload").body(&body).send().await.expect(401);
    assert!(world.application.take().is_empty());
    let upgrade = world
        .request("GET", "/socket")
        .line("Connection", "Upgrade")
        .line("Upgrade", "websocket")
        .line("Sec-WebSocket-Version", "13")
        .line("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    upgrade.send().await.expect(401);
    assert!(world.application.take().is_empty());
    let (answer, mut stream) = upgrade.bearer(&alice.token).open().await.unwrap();
    answer.expect(101);
    is_of(&world.application.take_one(), &alice, "alice", "");
    for word in [b"hello", b"world"] {
        stream.write_all(word).await.unwrap();
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, word);
    }
}

pub(crate) async fn without_the_service_nothing_passes_and_with_it_again_everything_does(kind: Kind) {
    let mut world = World::with(kind).await;
    let alice = world.service.issue("alice", None).await;
    world.request("GET", "/").bearer(&alice.token).send().await.expect(200);
    world.application.take();
    world.service.stop();
    for method in ["GET", "POST", "OPTIONS"] {
        let closed =
            world.request(method, "/").bearer(&alice.token).line("X-Auth-Subject", "admin").send().await;
        assert!(matches!(closed.status, 502 | 503), "{closed:?}");
        assert_eq!(closed.header("retry-after"), ["1"], "{closed:?}");
        world.request(method, "/").send().await;
    }
    assert!(world.application.take().is_empty());
    world.service.start_again().await;
    let open = world.request("GET", "/").bearer(&alice.token);
    // A proxy may remember for a moment that nobody was there.
    let mut status = 0;
    for _ in 0..200 {
        status = open.send().await.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(status, 200);
    is_of(&world.application.take_one(), &alice, "alice", "");
}
