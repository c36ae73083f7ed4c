//! Requests that no honest client sends, byte by byte: each gets its refusal, and the service goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::harness::{Answer, Options, SECRET, TestApp, run};

const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const BODY: &str = r#"{"sub":"u","aud":"api"}"#;

/// What came back, as it came.
struct Raw {
    status: u16,
    head: String,
    body: String,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// Sends bytes and reads the last answer, on a thread of its own: the service starts and stops on this one.
async fn send(app: &TestApp, bytes: impl AsRef<[u8]>) -> Raw {
    let (address, bytes) = (app.url.trim_start_matches("http://").to_owned(), bytes.as_ref().to_vec());
    let answer = actix_web::rt::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The service may have refused, and closed, before all was written.
        drop(stream.write_all(&bytes));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        answer
    });
    let text = String::from_utf8_lossy(&answer.await.unwrap()).into_owned();
    let last = text.rfind("HTTP/1.").map_or("", |start| &text[start..]);
    let (head, body) = last.split_once("\r\n\r\n").unwrap_or((last, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Raw { status, head: head.to_owned(), body: body.to_owned() }
}

fn basic(userpass: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(userpass))
}

fn app_credentials() -> String {
    basic(&format!("app:{SECRET}"))
}

fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

fn issue(headers: &str, body: &str) -> String {
    post("/v1/sessions", &format!("{JSON}{headers}"), body)
}

#[test]
fn what_is_no_http_is_refused_and_the_service_goes_on() {
    run(async {
        let app = TestApp::start().await;
        let many = "X: a\r\n".repeat(200);
        for (bytes, status) in [
            (format!("GET /livez HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(200_000)), 431),
            (format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n"), 431),
            (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000)), 400),
            (format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(60_000)), 404),
            ("GET /livez HTTP/1.1\r\n\r\n".into(), 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400),
            ("\x16\x03\x01\r\n\r\n".into(), 400),
            ("CONNECT a:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), 404),
            ("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), 404),
            // Two lengths are how requests are smuggled past a proxy.
            (
                format!(
                    "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n{JSON}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
                ),
                400,
            ),
            (
                format!(
                    "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}"
                ),
                400,
            ),
        ] {
            let answer = send(&app, &bytes).await;
            // A refusal may be lost when the service closes with bytes unread; what counts is that it was no success.
            let lost = answer.status == 0 && bytes.len() > 100_000;
            assert!(lost || answer.status == status, "{bytes:.60}: {}", answer.head);
        }
        assert_eq!(send(&app, issue(&app_credentials(), BODY)).await.status, 201);
    });
}

#[test]
fn a_body_over_the_limit_is_refused_however_it_is_announced() {
    run(async {
        let app = TestApp::start().await;
        let credentials = app_credentials();
        let head =
            format!("POST /v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{JSON}{credentials}");
        let chunk = format!("8000\r\n{}\r\n", "a".repeat(0x8000));
        for (name, rest) in [
            ("chunked", format!("Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(3))),
            ("announced", "Content-Length: 99999999\r\n\r\n".to_owned()),
            ("expected", "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n".to_owned()),
        ] {
            let answer = send(&app, format!("{head}{rest}")).await;
            assert_eq!(answer.status, 413, "{name}: {}", answer.head);
            assert_eq!(answer.json()["code"], "body_too_large", "{name}");
        }
        let length = BODY.len();
        let fits =
            send(&app, format!("{head}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{BODY}")).await;
        assert_eq!(fits.status, 201);
    });
}

#[test]
fn credentials_are_read_leniently_in_case_and_strictly_in_everything_else() {
    run(async {
        let app = TestApp::start().await;
        let good = app_credentials();
        let status = async |headers: &str| send(&app, issue(headers, BODY)).await.status;
        assert_eq!(status(&good).await, 201);
        assert_eq!(status(&good.replace("Basic", "bAsIc").replace("Auth", "auth")).await, 201);
        assert_eq!(status(&format!("{good}{good}")).await, 401, "two lines");
        for bad in [
            basic("app"),
            basic(""),
            basic(":"),
            basic("app:%zz"),
            basic(&format!("app%00:{SECRET}")),
            basic(&format!("%61pp%:{SECRET}")),
            "Authorization: Basic\r\n".into(),
            "Authorization: \r\n".into(),
            "Authorization: bearer\r\n".into(),
            "Authorization: bearer a b\r\n".into(),
            "Authorization: Basic YXBwOg==, Bearer x\r\n".into(),
        ] {
            let answer = send(&app, issue(&bad, BODY)).await;
            assert_eq!(answer.status, 401, "{bad}");
            assert!(answer.header("www-authenticate").is_some(), "{bad}");
        }
        let mut bytes = b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic \xff\xfe\r\n".to_vec();
        bytes.extend(format!("{JSON}Content-Length: 2\r\n\r\n{{}}").bytes());
        assert_eq!(send(&app, bytes).await.status, 401);
        let token = send(
            &app,
            post(
                "/oauth2/token",
                &format!("{FORM}{good}"),
                "grant_type=client_credentials&resource=http%3A%2F%2Fsignet.test",
            ),
        )
        .await;
        let token = token.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(status(&format!("Authorization: bEARER   {token}\r\n")).await, 201);
    });
}

#[test]
fn credentials_and_tokens_in_the_query_are_not_looked_at() {
    run(async {
        let app = TestApp::start().await;
        let token = send(&app, issue(&app_credentials(), BODY)).await.json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let grant = "grant_type=client_credentials";
        let secret = format!("/oauth2/token?client_id=app&client_secret={SECRET}");
        assert_eq!(send(&app, post(&secret, FORM, grant)).await.status, 401);
        let good = app_credentials();
        let introspect = format!("/oauth2/introspect?token={token}");
        assert_eq!(send(&app, post(&introspect, &format!("{FORM}{good}"), "x=y")).await.status, 400);
        let logout = format!(
            "DELETE /v1/sessions/current?access_token={token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(send(&app, logout).await.status, 401);
        assert_eq!(send(&app, issue(&good, BODY)).await.status, 201);
        assert!(app.is_active(&token).await);
    });
}

#[test]
fn forms_have_each_parameter_once_and_any_number_of_others() {
    run(async {
        let app = TestApp::start().await;
        let headers = format!("{FORM}{}", app_credentials());
        let ask = async |form: &str| send(&app, post("/oauth2/token", &headers, form)).await;
        let grant = "grant_type=client_credentials";
        let others = "&other=x".repeat(1_000);
        assert_eq!(ask(&format!("{grant}{others}")).await.status, 200);
        assert_eq!(ask(&format!("{grant}&scope=&resource=")).await.status, 200, "empty is omitted");
        assert_eq!(ask(&format!("&&{grant}&&")).await.status, 200);
        for bad in [
            format!("{grant}&{grant}"),
            format!("{grant}&scope=read&scope="),
            format!("{grant}&scope=%ff"),
            format!("{grant}&x=%c3%28"),
            format!("{grant}&scope=read%00"),
            "grant_type=client%zzcredentials".into(),
            "grant_type".into(),
            "=client_credentials".into(),
        ] {
            let answer = ask(&bad).await;
            assert_eq!(answer.status, 400, "{bad}: {}", answer.body);
            assert!(answer.json()["error"].is_string(), "{bad}");
        }
    });
}

#[test]
fn json_is_taken_as_rfc_8259_has_it_or_not_at_all() {
    run(async {
        let app = TestApp::start().await;
        let good = app_credentials();
        let claims = async |claims: &str| {
            send(&app, issue(&good, &format!(r#"{{"sub":"u","aud":"api","claims":{claims}}}"#))).await
        };
        for bad in [
            r#"{"a":1e400}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\u00"}"#,
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            r#"{"a":1,}"#,
            r#"{"a\u0000":1}"#,
            r#"{"":1}"#,
            "{\"a\":\"\u{1}\"}",
            r#"{"a":1,"\u0061":2}"#,
        ] {
            let answer = claims(bad).await;
            assert_eq!(answer.status, 400, "{bad}: {}", answer.body);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{bad}");
        }
        assert_eq!(claims(r#"{"a":"\ud83d\ude00 \u0000","b":1e300}"#).await.status, 201);
        assert_eq!(send(&app, issue(&good, &format!("\u{feff}{BODY}"))).await.status, 400);
        for name in ["sub", "aud", "scope", "acr", "access_ttl"] {
            let answer =
                send(&app, issue(&good, &format!(r#"{{"sub":"u","aud":"api","{name}":"a\u0000b"}}"#))).await;
            assert!([400, 403].contains(&answer.status), "{name}: {}", answer.body);
        }
    });
}

#[test]
fn only_the_very_paths_of_the_table_are_known() {
    run(async {
        let app = TestApp::start().await;
        let good = app_credentials();
        let get = async |path: &str| {
            send(&app, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{good}\r\n")).await
        };
        for path in [
            "/livez/",
            "//livez",
            "/v1//keys",
            "/v1/sessions/",
            "/livez/../v1/keys",
            "/livez/%2e%2e/v1/keys",
            "/LIVEZ",
            "/livez;x",
            "/v1/keys%2F",
            "/%",
            "/%zz",
            "/%00",
        ] {
            let answer = get(path).await;
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        }
        assert_eq!(get("/livez?x=%zz").await.status, 200);
        assert_eq!(
            get("http://elsewhere.test/livez").await.status,
            200,
            "the absolute form (RFC 9112 §3.2.2)"
        );
        for kid in ["..%2f..%2fetc%2fpasswd", "%00", "a%2Fb", "%ff", "..", "%2e%2e", &"k".repeat(2_000)] {
            let answer =
                send(&app, post(&format!("/v1/keys/{kid}/revoke"), &format!("{JSON}{good}"), "{}")).await;
            assert_eq!(answer.status, 404, "{kid}: {}", answer.body);
        }
    });
}

#[test]
fn every_answer_says_what_it_is_and_whether_it_may_be_kept() {
    run(async {
        let app = TestApp::start().await;
        let public = [
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
            "/openapi.yaml",
        ];
        for path in public.into_iter().chain(["/livez", "/readyz", "/v1/keys", "/nothing"]) {
            let get = Answer::of(app.request_as("app", "GET", path)).await;
            assert_eq!(get.header("x-content-type-options"), "nosniff", "{path}");
            assert!(!get.header("content-type").is_empty(), "{path}");
            if public.contains(&path) {
                assert_eq!(get.header("cache-control"), "public, max-age=300", "{path}");
                assert_eq!(get.header("access-control-allow-origin"), "*", "{path}");
            } else {
                assert_eq!(get.header("cache-control"), "no-store", "{path}");
                assert_eq!(get.header("access-control-allow-origin"), "", "{path}");
            }
            let head = Answer::of(app.request_as("app", "HEAD", path)).await;
            assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
            for name in ["content-type", "cache-control", "etag", "content-length"] {
                assert_eq!(head.header(name), get.header(name), "HEAD {path}: {name}");
            }
        }
        let options = Answer::of(app.request("OPTIONS", "/.well-known/jwks.json")).await;
        options.expect(405);
        assert_eq!(options.header("allow"), "GET, HEAD");
    });
}

#[test]
fn entity_tags_are_compared_as_rfc_9110_has_it() {
    run(async {
        let app = TestApp::start().await;
        let etag = app.get("/.well-known/jwks.json").await.header("etag").to_owned();
        let status = async |line: &str| {
            let request = app.request("GET", "/.well-known/jwks.json").header("if-none-match", line);
            Answer::of(request).await.status
        };
        for line in [
            "",
            ",",
            "\"\"",
            etag.trim_matches('"'),
            "W/",
            "w/*",
            "\"*\"",
            &etag.to_uppercase(),
            "\"unclosed",
        ] {
            assert_eq!(status(line).await, 200, "{line}");
        }
        assert_eq!(status(&format!("{}{etag}", "\"x\",".repeat(1_000))).await, 304);
    });
}

#[test]
fn a_forwarded_address_is_believed_from_trusted_proxies_only() {
    run(async {
        let guess = async |app: &TestApp, from: &str, secret: &str| {
            let request = app.request("POST", "/v1/sessions").basic_auth("app", Some(secret));
            Answer::of(
                request.header("x-forwarded-for", from).body(BODY).header("content-type", "application/json"),
            )
            .await
            .status
        };
        let untrusting = TestApp::start().await;
        let mut last = 0;
        for attempt in 0..25 {
            last = guess(&untrusting, &format!("198.51.100.{attempt}"), "guess").await;
        }
        assert_eq!(last, 429, "a stranger does not choose its address");
        let extra = "server.trusted_proxies = [\"127.0.0.0/8\"]";
        let trusting = TestApp::with(Options { extra, ..Options::default() }).await;
        for _ in 0..25 {
            last = guess(&trusting, "203.0.113.1, 198.51.100.7", "guess").await;
        }
        assert_eq!(last, 429);
        assert_eq!(guess(&trusting, "203.0.113.1, 198.51.100.8", SECRET).await, 201, "another client");
        assert_eq!(
            guess(&trusting, "203.0.113.2, 198.51.100.7", SECRET).await,
            429,
            "only the last hop counts"
        );
        assert_eq!(
            guess(&trusting, "198.51.100.7, 127.0.0.9", SECRET).await,
            429,
            "through two of our proxies"
        );
    });
}

#[test]
fn an_issuer_with_a_path_has_its_metadata_where_rfc_8414_looks() {
    run(async {
        let extra = "issuer.url = \"https://id.example/tenants/a/\"";
        let app = TestApp::with(Options { extra, ..Options::default() }).await;
        for path in [
            "/.well-known/oauth-authorization-server/tenants/a",
            "/.well-known/openid-configuration/tenants/a",
            "/tenants/a/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
        ] {
            let metadata = app.get(path).await;
            metadata.expect(200);
            assert_eq!(metadata.json["issuer"], "https://id.example/tenants/a/", "{path}: byte for byte");
            assert_eq!(metadata.json["jwks_uri"], "http://signet.test/.well-known/jwks.json");
        }
        app.get("/.well-known/oauth-authorization-server/tenants/b").await.expect(404);
    });
}
