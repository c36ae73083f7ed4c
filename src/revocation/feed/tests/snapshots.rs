use signet_verifier::{KeyId, Snapshot};
use tokio::time;

use super::*;

fn read(body: &SnapshotBody) -> Snapshot {
    let snapshot = Snapshot::parse(&body.plain).unwrap();
    let meta = (&snapshot.cursor, snapshot.as_of, snapshot.server_time);
    assert_eq!(meta, (&body.cursor, body.as_of, body.server_time));
    snapshot
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_holds_what_an_access_token_could_run_into_and_its_place() {
    let rig = Rig::start().await;
    let long_ago = NOW.before(TTL);
    let past = Cutoff { made_at: long_ago, issued_before: long_ago, ..logout(0) };
    let made_now = Cutoff { issued_before: long_ago, ..logout(1) };
    let ahead = Cutoff { issued_before: NOW.after(TTL), made_at: long_ago, ..logout(2) };
    let key = Cutoff { scope: Scope::Kid(KeyId::parse("k").unwrap()), ..past.clone() };
    let position = rig.store.append(&[past, made_now, ahead, key.clone(), patch(1)]).await.unwrap();
    let snapshot = read(&rig.feed.snapshot(NOW).await.unwrap());
    assert_eq!(snapshot.cursor.as_str(), position.to_string());
    assert_eq!((snapshot.as_of, snapshot.limits), (NOW, rig.feed.limits().clone()));
    let lives: BTreeMap<Scope, UnixMs> =
        snapshot.entries.into_iter().map(|entry| (entry.scope, entry.expires_at)).collect();
    let expected = [
        (subject(1), NOW.after(TTL)),
        (subject(2), NOW.after(TTL).after(TTL)),
        (key.scope, NOW.after(MONTH)),
    ];
    assert_eq!(lives, BTreeMap::from(expected));
}

#[tokio::test(start_paused = true)]
async fn all_who_ask_before_one_is_begun_share_it_and_it_holds_what_was_revoked_before() {
    let rig = Rig::over(Counted::new(Duration::from_millis(20)));
    let feed = Arc::clone(&rig.feed);
    let first = tokio::spawn(async move { feed.snapshot(NOW).await.unwrap() });
    time::sleep(Duration::from_millis(10)).await;
    rig.append(0..3).await;
    let mut askers = tokio::task::JoinSet::new();
    for late in 0..100 {
        let feed = Arc::clone(&rig.feed);
        askers.spawn(async move {
            time::sleep(Duration::from_millis(late)).await;
            let asked = NOW.after(Duration::from_millis(10 + late));
            let body = feed.snapshot(asked).await.unwrap();
            assert!(body.server_time >= asked, "stamped after it was asked for");
            assert!(body.as_of <= asked.after(Duration::from_millis(100)));
            body
        });
    }
    let bodies = askers.join_all().await;
    assert_eq!(read(&first.await.unwrap()).entries.len(), 0);
    assert_eq!(rig.store.snapshots(), 2);
    assert!(bodies.iter().all(|body| Arc::ptr_eq(body, &bodies[0])));
    assert_eq!(read(&bodies[0]).entries.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_away_takes_nobody_elses_snapshot_along() {
    let rig = Rig::over(Counted::new(Duration::from_millis(20)));
    let feed = Arc::clone(&rig.feed);
    let patient = tokio::spawn(async move {
        time::sleep(Duration::from_millis(50)).await;
        feed.snapshot(NOW).await.unwrap()
    });
    rig.feed.snapshot(NOW).await.unwrap();
    // Asks for the second one, and goes while it is written.
    let gone = time::timeout(Duration::from_millis(110), rig.feed.snapshot(NOW)).await;
    assert!(gone.is_err());
    patient.await.unwrap();
    assert_eq!(rig.store.snapshots(), 2);
}

#[tokio::test(start_paused = true)]
async fn writing_it_takes_a_bounded_share_of_the_time() {
    for (takes, asked, at_most) in [
        (Duration::from_millis(100), Duration::from_mins(1), 101),
        (Duration::from_millis(1), Duration::from_secs(5), 100),
        (Duration::from_secs(4), Duration::from_secs(90), 11),
    ] {
        let rig = Rig::over(Counted::new(takes));
        let began = Instant::now();
        while began.elapsed() < asked {
            rig.feed.snapshot(NOW).await.unwrap();
        }
        let written = rig.store.snapshots();
        assert!((at_most - at_most / 10..=at_most).contains(&written), "{takes:?}: {written}");
    }
}

#[tokio::test(start_paused = true)]
async fn its_tag_is_that_of_its_place() {
    let rig = Rig::start().await;
    let first = rig.feed.snapshot(NOW).await.unwrap();
    let later = NOW.after(Duration::from_secs(1));
    let second = rig.feed.snapshot(later).await.unwrap();
    assert_eq!((second.as_of, &second.etag), (later, &first.etag));
    rig.append(0..1).await;
    let third = rig.feed.snapshot(later).await.unwrap();
    assert_ne!(third.etag, second.etag);
    assert!(third.etag.starts_with("W/\"") && third.etag.ends_with('"'));
}

#[tokio::test(start_paused = true)]
async fn another_limit_is_another_entity() {
    let (one, other) = (Rig::start().await, Rig::start().await);
    let mut parts = one.feed.limits().clone();
    parts.leeway = Duration::from_secs(1);
    let cursor = frames::cursor_of(&one.store.head().await.unwrap());
    assert_eq!(snapshot::etag(&cursor, one.feed.limits()), snapshot::etag(&cursor, other.feed.limits()));
    assert_ne!(snapshot::etag(&cursor, one.feed.limits()), snapshot::etag(&cursor, &parts));
}
