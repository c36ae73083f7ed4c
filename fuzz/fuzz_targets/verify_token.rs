//! No text at all is a token of a key that nobody here can sign with, and refusing it never panics.
//!
//! The keys are the public halves of RFC 7515 appendix A.3 and RFC 8037 appendix A; the `kid`s stand in the seeds, so that
//! mutations get past the header and reach the signature.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use signet_verifier::{Denylist, Expected, StaticKeys, UnixMs, Verifier};

const JWKS: &[u8] = br#"{"keys":[
  {"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"ec",
   "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
  {"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"ed",
   "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"#;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let keys = StaticKeys::from_jwks(JWKS).expect("the set is well formed");
    Verifier::new(Arc::new(keys), Arc::new(Denylist::default()))
});

static EXPECTED: LazyLock<Expected> =
    LazyLock::new(|| Expected::access_token("https://auth.example", "api").expect("an issuer"));

fuzz_target!(|token: &str| {
    let refused = VERIFIER.verify_at(token, &EXPECTED, UnixMs::from_secs(1_800_000_000));
    let error = refused.expect_err("a token that nobody signed was believed");
    // The reason may be logged: it must not carry the token.
    assert!(error.to_string().len() < 100);
});
