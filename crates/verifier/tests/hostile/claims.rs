//! Payloads: forms, required claims, issuer, audience and times.

use serde_json::{Map, Value, json};
use signet_verifier::VerifyError;

use crate::stage::{Case, NOW_SECS, Stage, case, good_claims, with_members, without_leeway};

pub(crate) fn cases(stage: &Stage) -> Vec<Case> {
    let parts = [forms(stage), required(stage), ill_typed(stage), parties(stage), times(stage)];
    parts.into_iter().flatten().collect()
}

fn forms(stage: &Stage) -> Vec<Case> {
    let good = Value::Object(good_claims()).to_string();
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mut cases = Vec::new();
    for (name, payload) in [
        ("no payload text", String::new()),
        ("a payload that is no JSON", "sub=user-1".into()),
        ("a payload that is an array", format!("[{good}]")),
        ("a payload that is a string", "\"user-1\"".into()),
        ("a payload that is a number", "1".into()),
        ("a payload that is null", "null".into()),
        ("two payloads", format!("{good}{good}")),
        ("a payload and a NUL", format!("{good}\0")),
        ("a payload cut short", good[..good.len() - 1].to_owned()),
        ("a payload after a byte order mark", format!("\u{feff}{good}")),
        ("a payload of brackets as deep as fits", deep(2700)),
        ("open brackets as deep as fits", "[".repeat(5500)),
        ("open braces as deep as fits", "{\"a\":".repeat(1100)),
        ("a custom claim as deep as fits", with_members(&format!("\"x\":{}", deep(2500)))),
        ("a custom claim one level too deep", with_members(&format!("\"x\":{}", deep(128)))),
        ("a cnf too deep", with_members(&format!("\"cnf\":{{\"x\":{}}}", deep(128)))),
        ("a bad escape", with_members(r#""x":"\q""#)),
        ("half a surrogate", with_members(r#""x":"\udc00""#)),
        ("a number out of range", with_members(r#""x":1e999"#)),
        ("a leading zero", with_members(r#""x":01"#)),
        ("NaN", with_members(r#""x":NaN"#)),
        ("a raw newline in a string", with_members("\"x\":\"a\nb\"")),
    ] {
        cases.push(case(name, stage.with_payload(&payload), VerifyError::ClaimsMalformed));
    }
    for (name, members) in [
        ("sub twice", r#""sub":"user-1""#),
        ("sub twice, once escaped", r#""s\u0075b":"admin""#),
        ("exp twice", r#""exp":99999999999"#),
        ("aud twice", r#""aud":"api""#),
        ("jti twice", r#""jti":"01900000-0000-7000-8000-000000000000""#),
        ("iss twice", r#""iss":"https://auth.example""#),
        ("cnf twice", r#""cnf":{},"cnf":{}"#),
        ("a custom claim twice", r#""tenant":"other""#),
        ("a duplicate in a custom claim", r#""x":{"a":1,"a":2}"#),
        ("a duplicate deep in a custom claim", r#""x":[[{"y":{"a":1,"\u0061":2}}]]"#),
        ("a duplicate in cnf", r#""cnf":{"jkt":"a","jkt":"b"}"#),
    ] {
        cases.push(case(name, stage.with_payload(&with_members(members)), VerifyError::ClaimsDuplicate));
    }
    cases
}

fn required(stage: &Stage) -> Vec<Case> {
    let missing = |claim: &'static str| {
        let token = stage.with_claims(|claims| drop(claims.remove(claim)));
        case(format!("{claim} missing"), token, VerifyError::ClaimMissing { claim })
    };
    let mut cases: Vec<Case> = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"].map(missing).into();
    cases.push(case("no claims", stage.with_payload("{}"), VerifyError::ClaimMissing { claim: "iss" }));
    cases
}

fn ill_typed(stage: &Stage) -> Vec<Case> {
    let bad = ill_typed_values()
        .into_iter()
        .flat_map(|(claim, values)| values.into_iter().map(move |value| (claim, value)));
    let case_of = |(claim, value): (&'static str, Value)| {
        let text = value.to_string();
        let name = format!("{claim} {}", text.get(..40).unwrap_or(&text));
        let token = stage.with_claims(|claims| drop(claims.insert(claim.into(), value)));
        case(name, token, VerifyError::ClaimInvalid { claim })
    };
    bad.map(case_of).collect()
}

/// Of each claim, values that it cannot have.
fn ill_typed_values() -> Vec<(&'static str, Vec<Value>)> {
    let uuid_v4 = json!("01900000-0000-4000-8000-000000000000");
    let upper = json!("0190ABCD-0000-7000-8000-000000000000");
    let long = "x".repeat(256);
    vec![
        (
            "iss",
            vec![json!(1), json!(null), json!(""), json!(["https://auth.example"]), json!("https://a b")],
        ),
        ("sub", vec![json!(1), json!(null), json!(""), json!(long), json!("a\nb"), json!(["user-1"])]),
        (
            "aud",
            vec![
                json!([]),
                json!(null),
                json!(1),
                json!([1]),
                json!(["api", "api"]),
                json!([["api"]]),
                json!([""]),
                json!(""),
            ],
        ),
        ("exp", dates()),
        ("iat", dates()),
        ("auth_time", dates()),
        ("jti", vec![json!(1), json!(null), json!(""), json!("x"), uuid_v4.clone(), upper.clone()]),
        ("sid", vec![json!(1), json!(null), json!(""), uuid_v4, upper]),
        ("client_id", vec![json!(1), json!(""), json!("a b"), json!("a:b"), json!(null)]),
        (
            "scope",
            vec![
                json!(["read"]),
                json!(""),
                json!("a  b"),
                json!(" a"),
                json!("a a"),
                json!("é"),
                json!(null),
            ],
        ),
        ("amr", vec![json!("pwd"), json!([1]), json!(null)]),
        ("acr", vec![json!(1), json!(["1"])]),
        ("cnf", vec![json!("k"), json!(["k"]), json!(null)]),
        ("nbf", vec![json!(NOW_SECS), json!(0), json!(null), json!("x")]),
        ("client_id", vec![json!(["web"])]),
    ]
}

fn dates() -> Vec<Value> {
    let number = |text: &str| serde_json::from_str(text).unwrap();
    let mut dates: Vec<Value> = [
        "-1",
        "1800000300.5",
        "1800000300.0",
        "1.8e9",
        "253402300800",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "-0.0",
    ]
    .map(number)
    .into();
    dates.extend([json!("1800000300"), json!(null), json!([1_800_000_300_u64]), json!(true)]);
    dates
}

fn parties(stage: &Stage) -> Vec<Case> {
    let with =
        |claim: &str, value: Value| stage.with_claims(|claims| drop(claims.insert(claim.into(), value)));
    let mut cases = Vec::new();
    for iss in [
        "https://auth.example/",
        "https://AUTH.example",
        "https://auth.example:443",
        "http://auth.example",
        "https://auth.example.evil.example",
        "https://evil.example",
        "auth.example",
        "https://auth.exampl",
        "https://auth.example#",
        "https://auth.example/%20",
    ] {
        cases.push(case(format!("iss {iss}"), with("iss", json!(iss)), VerifyError::Issuer));
    }
    for aud in [
        json!("other"),
        json!("API"),
        json!("api "),
        json!("api/"),
        json!("apis"),
        json!("ap"),
        json!(["other", "third"]),
        json!("api,other"),
        json!("*"),
    ] {
        cases.push(case(format!("aud {aud}"), with("aud", aud), VerifyError::Audience));
    }
    cases
}

fn times(stage: &Stage) -> Vec<Case> {
    let at = |exp: u64, iat: u64| {
        stage.with_claims(|claims: &mut Map<String, Value>| {
            claims.insert("exp".into(), json!(exp));
            claims.insert("iat".into(), json!(iat));
        })
    };
    let now = NOW_SECS;
    let mut cases = vec![
        case("exp + leeway is now", at(now - 30, now - 300), VerifyError::Expired),
        case("expired long ago", at(now - 86_400, now - 86_700), VerifyError::Expired),
        case("exp is zero", at(0, 0), VerifyError::Expired),
        case("iat a second beyond the leeway", at(now + 300, now + 31), VerifyError::IssuedInFuture),
        case("iat in the year 9999", at(253_402_300_799, 253_402_300_799), VerifyError::IssuedInFuture),
        case("exp before iat", at(now + 10, now + 20), VerifyError::Lifetime),
        case("exp at iat", at(now + 10, now + 10), VerifyError::Lifetime),
        case("a lifetime a second over the ceiling", at(now + 3300, now - 301), VerifyError::Lifetime),
        case("a lifetime to the year 9999", at(253_402_300_799, now), VerifyError::Lifetime),
        case("iat is zero", at(now + 300, 0), VerifyError::Lifetime),
    ];
    for (name, token, error) in [
        ("exp is now, clocks agree", at(now, now - 300), VerifyError::Expired),
        ("iat is the next second, clocks agree", at(now + 300, now + 1), VerifyError::IssuedInFuture),
    ] {
        cases.push(Case { expected: without_leeway(), ..case(name, token, error) });
    }
    cases
}
