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
async fn all_who_ask_at_a_time_share_one() {
    let rig = Rig::over(Counted::new(Duration::from_millis(20)));
    rig.append(0..3).await;
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let feed = Arc::clone(&rig.feed);
        askers.spawn(async move { feed.snapshot(NOW).await.unwrap() });
    }
    let bodies = askers.join_all().await;
    assert_eq!(rig.store.snapshots(), 1);
    assert!(bodies.iter().all(|body| Arc::ptr_eq(body, &bodies[0])));
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_away_takes_nobody_elses_snapshot_along() {
    let rig = Rig::over(Counted::new(Duration::from_millis(20)));
    let gone = time::timeout(Duration::from_millis(10), rig.feed.snapshot(NOW)).await;
    assert!(gone.is_err());
    rig.feed.snapshot(NOW).await.unwrap();
    assert_eq!(rig.store.snapshots(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_passed_on_for_a_second_or_until_something_is_revoked() {
    let rig = Rig::start().await;
    let first = rig.feed.snapshot(NOW).await.unwrap();
    time::advance(Duration::from_millis(999)).await;
    assert!(Arc::ptr_eq(&first, &rig.feed.snapshot(NOW).await.unwrap()));
    time::advance(Duration::from_millis(1)).await;
    let later = NOW.after(Duration::from_secs(1));
    let second = rig.feed.snapshot(later).await.unwrap();
    assert_eq!((second.as_of, &second.etag), (later, &first.etag), "the same place has the same tag");
    rig.append(0..1).await;
    let third = rig.feed.snapshot(later).await.unwrap();
    assert_eq!(read(&third).entries.len(), 1);
    assert_ne!(third.etag, second.etag);
    assert!(third.etag.starts_with("W/\"") && third.etag.ends_with('"'));
}

#[tokio::test(start_paused = true)]
async fn writing_it_takes_a_bounded_share_of_the_time() {
    let rig = Rig::over(Counted::new(Duration::from_millis(100)));
    let first = rig.feed.snapshot(NOW).await.unwrap();
    rig.append(0..1).await;
    time::advance(Duration::from_millis(400)).await;
    let again = rig.feed.snapshot(NOW).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "still right: what it lacks comes after its cursor");
    // Near enough to the end of its rest to wait for it.
    time::advance(Duration::from_millis(60)).await;
    assert_eq!(read(&rig.feed.snapshot(NOW).await.unwrap()).entries.len(), 1);
    assert_eq!(rig.store.snapshots(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_small_one_always_holds_what_was_revoked_before_it_was_asked_for() {
    let rig = Rig::over(Counted::new(Duration::from_millis(2)));
    for number in 0..20 {
        rig.append(number..number + 1).await;
        assert_eq!(read(&rig.feed.snapshot(NOW).await.unwrap()).entries.len(), number + 1);
    }
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
