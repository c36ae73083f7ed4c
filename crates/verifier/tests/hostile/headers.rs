//! Headers that choose another key, another algorithm, another type or other rules.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use signet_verifier::VerifyError;

use crate::signer::{Signer, encode};
use crate::stage::{Case, Stage, case, good_claims, parts};

pub(crate) fn cases(stage: &Stage) -> Vec<Case> {
    let parts =
        [algorithms(stage), confusions(stage), keys(stage), references(stage), forms(stage), types(stage)];
    parts.into_iter().flatten().collect()
}

fn algorithms(stage: &Stage) -> Vec<Case> {
    let kid = stage.es.kid();
    let mut cases = Vec::new();
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "",
        "HS256",
        "HS384",
        "HS512",
        "ES384",
        "ES512",
        "ES256K",
        "RS384",
        "RS512",
        "RS1",
        "PS384",
        "PS512",
        "Ed25519",
        "Ed448",
        "eddsa",
        "es256",
        "ES256 ",
        "ES256\u{0}",
        "dir",
        "RSA1_5",
        "A256GCM",
        "ML-DSA-65",
    ] {
        let header = json!({"alg": alg, "kid": kid, "typ": "at+jwt"}).to_string();
        let token = stage.with_header(&stage.es, &header);
        cases.push(case(format!("alg {alg:?}, signed"), token.clone(), VerifyError::Algorithm));
        if alg.eq_ignore_ascii_case("none") {
            let [header, payload, _] = parts(&token);
            let token = format!("{header}.{payload}.");
            cases.push(case(format!("alg {alg:?}, unsigned"), token, VerifyError::Algorithm));
        }
    }
    let without = json!({"kid": kid, "typ": "at+jwt"}).to_string();
    cases.push(case("alg missing", stage.with_header(&stage.es, &without), VerifyError::Algorithm));
    for alg in [json!(null), json!(1), json!(["ES256"]), json!({"ES256": 1}), json!(true)] {
        let header = json!({"alg": alg, "kid": kid, "typ": "at+jwt"}).to_string();
        let token = stage.with_header(&stage.es, &header);
        cases.push(case(format!("alg {alg}"), token, VerifyError::HeaderMalformed));
    }
    cases
}

/// A public key taken for an HMAC secret, and keys of one algorithm named with another.
fn confusions(stage: &Stage) -> Vec<Case> {
    let mut cases = Vec::new();
    for (alg, hash) in [
        ("HS256", backend::hmac::HMAC_SHA256),
        ("HS384", backend::hmac::HMAC_SHA384),
        ("HS512", backend::hmac::HMAC_SHA512),
    ] {
        for signer in stage.signers() {
            let header = json!({"alg": alg, "kid": signer.kid(), "typ": "at+jwt"}).to_string();
            let input = format!("{}.{}", encode(header), encode(Value::Object(good_claims()).to_string()));
            let tag = backend::hmac::sign(&backend::hmac::Key::new(hash, &signer.public()), input.as_bytes());
            let token = format!("{input}.{}", encode(tag));
            cases.push(case(
                format!("{alg} with the {} public key as secret", signer.algorithm()),
                token,
                VerifyError::Algorithm,
            ));
        }
    }
    for signer in stage.signers() {
        for named in stage.signers().into_iter().filter(|named| named.algorithm() != signer.algorithm()) {
            let header = json!({"alg": signer.algorithm(), "kid": named.kid(), "typ": "at+jwt"}).to_string();
            let name = format!("alg {} and the kid of a key for {}", signer.algorithm(), named.algorithm());
            cases.push(case(name, stage.with_header(signer, &header), VerifyError::KeyAlgorithm));
        }
    }
    cases
}

fn keys(stage: &Stage) -> Vec<Case> {
    let with_kid = |kid: Value| {
        let header = json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"}).to_string();
        stage.with_header(&stage.es, &header)
    };
    let stranger = Signer::es256();
    let mut cases = vec![
        case("a stranger's key", stage.with_header(&stranger, &stranger.header()), VerifyError::KeyUnknown),
        case(
            "kid missing",
            stage.with_header(&stage.es, r#"{"alg":"ES256","typ":"at+jwt"}"#),
            VerifyError::KeyIdMissing,
        ),
    ];
    let kid = stage.es.kid();
    for (name, unknown) in [
        ("that is empty", ""),
        ("that is a path", "../../../../dev/null"),
        ("that is an absolute path", "/dev/null"),
        ("that is a URL", "file:///etc/passwd"),
        ("that is SQL", "x' UNION SELECT 'secret'--"),
        ("that is a command", "| sleep 9"),
        ("that is a pattern", "*"),
        ("that is a digit", "0"),
        ("that is a NUL", "\u{0}"),
        ("that is null in quotes", "null"),
        ("in upper case", &kid.to_uppercase()),
        ("and a blank", &format!("{kid} ")),
        ("and padding", &format!("{kid}=")),
        ("cut short", &kid[..42]),
        ("of 4,000 letters", &"k".repeat(4000)),
    ] {
        cases.push(case(format!("a kid {name}"), with_kid(json!(unknown)), VerifyError::KeyUnknown));
    }
    for ill_typed in [json!(null), json!(0), json!(1.5), json!([kid]), json!({"kid": kid}), json!(false)] {
        let name = format!("kid of the JSON {}", ill_typed.to_string().replace(&kid, "our kid"));
        cases.push(case(name, with_kid(ill_typed), VerifyError::HeaderMalformed));
    }
    cases
}

/// Members that bring a key or a rule along; the signature is really that of the key brought.
fn references(stage: &Stage) -> Vec<Case> {
    let thief = Signer::es256();
    let mut cases = Vec::new();
    for (member, value) in [
        ("jwk", serde_json::to_value(thief.jwk()).unwrap()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["https://example.com/unknown"])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ] {
        for (who, signer) in [("a thief's key", &thief), ("our key", &stage.es)] {
            let name = format!(
                "{member} {} signed by {who}",
                value.to_string().get(..14).unwrap_or(&value.to_string())
            );
            let mut header = json!({"alg": "ES256", "kid": stage.es.kid(), "typ": "at+jwt"});
            header[member] = value.clone();
            let token = stage.with_header(signer, &header.to_string());
            cases.push(case(name, token, VerifyError::HeaderForbidden { member }));
        }
    }
    cases
}

fn forms(stage: &Stage) -> Vec<Case> {
    let good = stage.es.header();
    let mut cases = Vec::new();
    for (name, header) in [
        ("alg twice", good.replacen('{', r#"{"alg":"ES256","#, 1)),
        ("alg twice, once none", good.replacen('{', r#"{"alg":"none","#, 1)),
        ("alg twice, once escaped", good.replacen('{', r#"{"\u0061lg":"none","#, 1)),
        ("kid twice", good.replacen('{', r#"{"kid":"other","#, 1)),
        ("typ twice", good.replacen('{', r#"{"typ":"at+jwt","#, 1)),
        ("an unknown member twice", good.replacen('{', r#"{"x":1,"x":1,"#, 1)),
        ("a duplicate below", good.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1)),
    ] {
        cases.push(case(name, stage.with_header(&stage.es, &header), VerifyError::HeaderDuplicate));
    }
    for (name, header) in [
        ("a header that is no JSON", "alg=ES256".to_owned()),
        ("a header that is an array", format!("[{good}]")),
        ("a header that is a string", format!("{:?}", "ES256")),
        ("a header that is null", "null".into()),
        ("a header and another", format!("{good}{good}")),
        ("a header cut short", good[..good.len() - 1].to_owned()),
        ("a header after a byte order mark", format!("\u{feff}{good}")),
        ("a header with a comment", format!("/**/{good}")),
        ("a header with single quotes", good.replace('"', "'")),
        ("a header with a trailing comma", good.replace('}', ",}")),
        ("a header with half a surrogate", good.replacen('{', r#"{"x":"\ud800","#, 1)),
        (
            "a header nested beyond measure",
            good.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(1000), "]".repeat(1000)), 1),
        ),
        ("a header of brackets alone", "[".repeat(3000)),
        ("a header with a number out of range", good.replacen('{', r#"{"x":1e999,"#, 1)),
    ] {
        cases.push(case(name, stage.with_header(&stage.es, &header), VerifyError::HeaderMalformed));
    }
    let [_, payload, signature] = parts(&stage.good());
    let broken = URL_SAFE_NO_PAD.encode([b'{', b'"', 0xff, b'"', b':', b'1', b'}']);
    let token = format!("{broken}.{payload}.{signature}");
    cases.push(case("a header that is not UTF-8", token, VerifyError::HeaderMalformed));
    cases
}

fn types(stage: &Stage) -> Vec<Case> {
    let kid = stage.es.kid();
    let mut cases = Vec::new();
    for typ in [
        "JWT",
        "jwt",
        "",
        "rt+jwt",
        "at+JWT2",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "id+jwt",
        "at+jwt ",
        "application/jwt",
        "application/application/at+jwt",
        "at",
        "at+jwt; charset=utf-8",
        "text/at+jwt",
    ] {
        let header = json!({"alg": "ES256", "kid": kid, "typ": typ}).to_string();
        cases.push(case(format!("typ {typ:?}"), stage.with_header(&stage.es, &header), VerifyError::Type));
    }
    let without = json!({"alg": "ES256", "kid": kid}).to_string();
    cases.push(case("typ missing", stage.with_header(&stage.es, &without), VerifyError::Type));
    for typ in [json!(null), json!(1), json!(["at+jwt"])] {
        let header = json!({"alg": "ES256", "kid": kid, "typ": typ}).to_string();
        cases.push(case(
            format!("typ of the JSON {typ}"),
            stage.with_header(&stage.es, &header),
            VerifyError::HeaderMalformed,
        ));
    }
    cases
}

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;
