//! What is issued is what is verified.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use signet_verifier::{ClientId, Expected, IssuerUrl, Verifier};

use super::*;
use crate::random::SystemRandom;
use crate::session::policy::{Credential, OnTheft, WhenStoreDown};
use crate::session::sealed::tests::{NOW, ring};

const ISSUER: &str = "http://signet.test";

fn issuer(keys: &Arc<Keys>, denylist: &Arc<Denylist>) -> (Issuer, Arc<TokenSealer>) {
    let tokens = TokenPolicy {
        issuer: IssuerUrl::parse(ISSUER).unwrap(),
        access_ttl: Duration::from_mins(5),
        longest_access_ttl: Duration::from_mins(10),
        leeway: Duration::from_secs(30),
        max_bytes: 3800,
        audiences: vec!["api".into(), "files".into()],
        revocable_claims: Vec::new(),
        default_algorithm: Algorithm::EdDsa,
    };
    let refresh = RefreshPolicy {
        idle_ttl: Duration::from_hours(14 * 24),
        absolute_ttl: Duration::from_hours(30 * 24),
        window: Duration::from_secs(10),
        on_theft: OnTheft::default(),
        when_store_down: WhenStoreDown::default(),
        max_degraded: Duration::from_hours(1),
    };
    let sealer = Arc::new(TokenSealer::new(Arc::clone(keys)));
    let random = Arc::new(SystemRandom::new());
    let (tokens, refresh) = (Arc::new(tokens), Arc::new(refresh));
    let issuer =
        Issuer::new(Arc::clone(keys), Arc::clone(denylist), Arc::clone(&sealer), random, tokens, refresh);
    (issuer, sealer)
}

fn client() -> Client {
    Client {
        id: ClientId::parse("app").unwrap(),
        credential: Credential::Public,
        permissions: [].into(),
        audiences: Vec::new(),
        scopes: None,
        max_access_ttl: Some(Duration::from_mins(10)),
        algorithm: None,
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn request()(
        subject in "[a-zA-Z0-9|:@ é-]{1,60}", audience in prop::sample::select(vec![vec!["api"], vec!["files"], vec!["api", "files"]]),
        scope in prop::option::of("[a-z:]{1,8}( [A-Z]{1,8})?"), custom in prop::collection::btree_map("[a-z]{1,8}_", json_value(), 0..4),
        auth_time in prop::option::of(0..1_795_000_000_u64), amr in prop::option::of(prop::collection::vec("[a-z]{1,5}", 1..3)),
        acr in prop::option::of("[a-z:0-9]{1,20}"), ttl in prop::option::of(120..=600_u64), refresh: bool,
    ) -> IssueRequest {
        IssueRequest {
            subject: Subject::parse(&subject).unwrap(),
            audience: Some(Audience::new(audience).unwrap()),
            scope: scope.map(|scope| ScopeTokens::parse(&scope).unwrap()),
            claims: CustomClaims::new(custom.into_iter().collect::<Map<_, _>>()).unwrap(),
            auth_time: auth_time.map(|secs| NumericDate::from_ms(UnixMs::from_secs(secs))),
            amr,
            acr,
            access_ttl: ttl.map(Duration::from_secs),
            refresh: refresh.then_some(RefreshBinding::Holder),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_issued_is_what_is_verified_and_what_is_sealed(asked in request()) {
        let (_directory, keys) = ring();
        let denylist = Arc::new(Denylist::default());
        let (issuer, sealer) = issuer(&keys, &denylist);
        let pair = issuer.issue(&client(), asked.clone(), NOW).unwrap();
        let verifier = Verifier::new(keys, denylist);
        for audience in asked.audience.as_ref().unwrap().iter() {
            let expected = Expected::access_token(ISSUER, audience).unwrap();
            let verified = verifier.verify_at(&pair.access_token, &expected, NOW).unwrap();
            let said = verified.claims();
            prop_assert_eq!(&said.sub, &asked.subject);
            prop_assert_eq!(Some(&said.aud), asked.audience.as_ref());
            prop_assert_eq!(&said.scope, &asked.scope);
            prop_assert_eq!(&said.custom, asked.claims.as_map());
            prop_assert_eq!((said.auth_time, &said.amr, &said.acr), (asked.auth_time, &asked.amr, &asked.acr));
            prop_assert_eq!((said.sid, said.iat), (pair.session_id, NumericDate::from_ms(NOW)));
            let life = said.exp.as_ms().since(NOW);
            let ttl = asked.access_ttl.unwrap_or(Duration::from_mins(5));
            prop_assert!(life <= ttl && life + Duration::from_secs(1) >= ttl.mul_f64(0.95), "{:?} of {:?}", life, ttl);
            prop_assert_eq!(pair.expires_in, life.as_secs());
        }
        prop_assert_eq!(pair.refresh_token.is_some(), asked.refresh.is_some());
        if let Some(token) = &pair.refresh_token {
            let session = sealer.open(token, NOW).unwrap();
            prop_assert_eq!(Some(session.sid), pair.session_id);
            prop_assert_eq!((&session.grant.subject, &session.grant.claims), (&asked.subject, &asked.claims));
        }
    }
}

#[test]
fn a_token_over_the_budget_names_the_fattest_claims_and_one_below_it_is_issued() {
    let (_directory, keys) = ring();
    let (issuer, _) = issuer(&keys, &Arc::new(Denylist::default()));
    let with = |bytes: usize| {
        let claims = json!({"fat": "x".repeat(bytes), "thin": 1});
        let Value::Object(claims) = claims else { unreachable!() };
        let request = IssueRequest {
            subject: Subject::parse("u").unwrap(),
            audience: None,
            scope: None,
            claims: CustomClaims::new(claims).unwrap(),
            auth_time: None,
            amr: None,
            acr: None,
            access_ttl: None,
            refresh: None,
        };
        issuer.issue(&client(), request, NOW)
    };
    let fits = (0..3_000).rev().find(|bytes| with(*bytes).is_ok()).unwrap();
    assert!(with(fits).unwrap().access_token.len() <= 3_800);
    let Err(IssueError::TooLarge { bytes, limit, largest }) = with(fits + 1) else { panic!("it was issued") };
    assert_eq!(limit, 3_800);
    assert!((3_801..3_804).contains(&bytes), "{bytes}");
    assert_eq!(largest[0], ("fat".to_owned(), fits + 3));
}
