//! Length, dots, base64url, and signatures.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use signet_verifier::VerifyError;

use crate::signer::encode;
use crate::stage::{Case, Stage, case, good_claims, parts, resigned};

pub(crate) fn cases(stage: &Stage) -> Vec<Case> {
    [shapes(stage), spellings(stage), non_canonical(stage), signatures(stage)].into_iter().flatten().collect()
}

fn shapes(stage: &Stage) -> Vec<Case> {
    let good = stage.good();
    let [header, payload, signature] = parts(&good);
    let mut cases = vec![
        case("1 MB of letters", "a".repeat(1 << 20), VerifyError::TooLong),
        case("1 MB of dots", ".".repeat(1 << 20), VerifyError::TooLong),
        case("one byte too long", "a".repeat(8193), VerifyError::TooLong),
        case("a good token and a megabyte", format!("{good}{}", "A".repeat(1 << 20)), VerifyError::TooLong),
        case("empty header", format!(".{payload}.{signature}"), VerifyError::HeaderMalformed),
        case("three empty segments", "..", VerifyError::HeaderMalformed),
        case("empty payload", format!("{header}..{signature}"), VerifyError::Signature),
        case("empty signature", format!("{header}.{payload}."), VerifyError::Signature),
    ];
    for (name, token) in [
        ("the empty token", String::new()),
        ("one segment", header.clone()),
        ("two segments", format!("{header}.{payload}")),
        ("four segments", format!("{good}.{signature}")),
        ("five segments, as of a JWE", format!("{good}.{signature}.{signature}")),
        ("a dot at the end", format!("{good}.")),
        ("a dot in front", format!(".{good}")),
        ("JSON serialization", r#"{"payload":"e30","signatures":[]}"#.into()),
    ] {
        cases.push(case(name, token, VerifyError::Segments));
    }
    cases
}

/// Other ways to write the same three segments.
fn spellings(stage: &Stage) -> Vec<Case> {
    let good = stage.good();
    let [header, payload, signature] = parts(&good);
    let mut cases = Vec::new();
    for (name, extra) in [
        ("padding", "="),
        ("double padding", "=="),
        ("a blank", " "),
        ("a newline", "\n"),
        ("CRLF", "\r\n"),
        ("a tab", "\t"),
        ("a percent escape", "%20"),
        ("the plus of plain base64", "+"),
        ("the slash of plain base64", "/"),
        ("a NUL", "\0"),
        ("a letter beyond ASCII", "é"),
        ("one character", "A"),
    ] {
        let error = |segment: &str| {
            // One more character makes a length that base64 does not have, or another text.
            if extra == "A" && (segment.len() + 1) % 4 != 1 { None } else { Some(VerifyError::Base64) }
        };
        let at = [
            ("header", &header, format!("{header}{extra}.{payload}.{signature}")),
            ("payload", &payload, format!("{header}.{payload}{extra}.{signature}")),
            ("signature", &signature, format!("{header}.{payload}.{signature}{extra}")),
        ];
        for (place, segment, token) in at {
            cases.extend(error(segment).map(|error| case(format!("{name} after the {place}"), token, error)));
        }
        if extra != "A" {
            cases.push(case(
                format!("{name} before everything"),
                format!("{extra}{good}"),
                VerifyError::Base64,
            ));
        }
    }
    cases.push(case("a blank within", good.replacen('e', "e ", 1), VerifyError::Base64));
    cases.push(case("Bearer and a blank", format!("Bearer {good}"), VerifyError::Base64));
    cases
}

/// The last character of a segment may have bits that say nothing; only zeros are its spelling.
fn non_canonical(stage: &Stage) -> Vec<Case> {
    // Lengths with such bits, by white space that JSON allows.
    let open = |text: String| if text.len().is_multiple_of(3) { format!("{text} ") } else { text };
    let header = open(stage.es.header());
    let payload = open(Value::Object(good_claims()).to_string());
    let parts = parts(&stage.es.token(&header, &payload));
    let names = ["header", "payload", "signature"];
    let cases = names.iter().enumerate().map(|(place, name)| {
        let mut parts = parts.clone();
        let last = parts[place].pop().unwrap();
        let next = char::from(u8::try_from(last).unwrap() + 1);
        parts[place].push(next);
        case(format!("non-zero trailing bits of the {name}"), parts.join("."), VerifyError::Base64)
    });
    cases.collect()
}

fn signatures(stage: &Stage) -> Vec<Case> {
    let good = stage.good();
    let [.., signature] = parts(&good);
    let raw = URL_SAFE_NO_PAD.decode(&signature).unwrap();
    let (r, s) = raw.split_at(32);
    let zeros = [0_u8; 32];
    let mut cases = Vec::new();
    for (name, bytes) in [
        ("r and s zero", [zeros, zeros].concat()),
        ("r zero", [&zeros, s].concat()),
        ("s zero", [r, &zeros].concat()),
        ("r and s the order of the group", [ORDER, ORDER].concat()),
        ("all bits set", vec![0xff; 64]),
        ("r and s exchanged", [s, r].concat()),
        ("a signature cut short", raw[..63].to_vec()),
        ("half a signature", r.to_vec()),
        ("a byte behind the signature", [&raw[..], &[0]].concat()),
        ("a byte before the signature", [&[0], &raw[..]].concat()),
        ("the signature twice", raw.repeat(2)),
        ("a signature in DER", der(r, s)),
        ("a signature of 4 kB", vec![1; 4096]),
    ] {
        cases.push(case(name, resigned(&good, bytes), VerifyError::Signature));
    }
    cases.extend(borrowed_signatures(stage));
    cases
}

/// Signatures that were made for something else, or with no key at all.
fn borrowed_signatures(stage: &Stage) -> Vec<Case> {
    let good = stage.good();
    let [header, payload, signature] = parts(&good);
    let other = stage.with_claims(|claims| drop(claims.insert("sub".into(), "user-2".into())));
    let mut cases = Vec::new();
    let [other_header, other_payload, other_signature] = parts(&other);
    assert_eq!(header, other_header);
    let foreign = crate::signer::Signer::es256();
    for (name, token) in [
        ("the payload of another token", format!("{header}.{other_payload}.{signature}")),
        ("the signature of another token", format!("{header}.{payload}.{other_signature}")),
        (
            "a stranger's key under our kid",
            foreign.token(&stage.es.header(), &Value::Object(good_claims()).to_string()),
        ),
        (
            "a signature of the payload alone",
            format!("{header}.{payload}.{}", encode(stage.es.sign(payload.as_bytes()))),
        ),
        (
            "an Ed25519 signature of zeros",
            resigned(&stage.with_header(&stage.ed, &stage.ed.header()), [0; 64]),
        ),
        ("an RSA signature of zeros", resigned(&stage.with_header(&stage.rs, &stage.rs.header()), [0; 256])),
        ("an RSA signature of one", {
            let mut one = [0; 256];
            one[255] = 1;
            resigned(&stage.with_header(&stage.rs, &stage.rs.header()), one)
        }),
        ("an RSA signature without its first byte", {
            let token = stage.with_header(&stage.rs, &stage.rs.header());
            let [.., signature] = parts(&token);
            resigned(&token, &URL_SAFE_NO_PAD.decode(signature).unwrap()[1..])
        }),
    ] {
        cases.push(case(name, token, VerifyError::Signature));
    }
    cases
}

/// The order of P-256 (SEC 2 §2.4.2).
pub(crate) const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The other ECDSA signature of the same message: (r, n − s).
pub(crate) fn twin(token: &str) -> String {
    let [.., signature] = parts(token);
    let mut raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for place in (0..32).rev() {
        let difference = i16::from(ORDER[place]) - i16::from(raw[32 + place]) - borrow;
        borrow = i16::from(difference < 0);
        raw[32 + place] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    resigned(token, raw)
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let mut body = number.to_vec();
        if body[0] >= 0x80 {
            body.insert(0, 0);
        }
        [vec![2, u8::try_from(body.len()).unwrap()], body].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}
