use super::*;
use crate::revocation::feed::catch_up::{CatchUp, Page};

#[tokio::test]
async fn a_stream_without_a_cursor_begins_now() {
    let rig = Rig::start().await;
    let head = rig.revoke(0..3).await;
    let mut stream = rig.open(nameless()).await;
    assert_eq!(stream.hello.cursor.as_str(), head.to_string());
    assert_eq!((stream.hello.as_of, stream.hello.server_time), (NOW, NOW));
    assert_eq!(stream.hello.heartbeat, HEARTBEAT);

    let head = rig.revoke(3..5).await;
    let batch = stream.batch().await;
    assert_eq!(scopes(&batch), subjects(3..5));
    assert_eq!((batch.cursor.as_str(), batch.as_of, batch.ack), (&*head.to_string(), Some(NOW), false));
}

#[tokio::test]
async fn a_stream_from_a_cursor_catches_up_and_only_then_says_as_of_when() {
    let rig = Rig::start().await;
    let begin = rig.revoke(0..2).await;
    let many = 2 * FRAME_ENTRIES + 7;
    let head = rig.revoke(2..many).await;
    let mut stream = rig.open(from(nameless(), &begin)).await;
    assert_eq!(stream.hello.cursor.as_str(), begin.to_string());
    let mut read = Vec::new();
    loop {
        let batch = stream.batch().await;
        read.extend(scopes(&batch));
        assert!(batch.entries.len() <= FRAME_ENTRIES);
        assert_eq!(batch.as_of.is_some(), batch.cursor.as_str() == head.to_string());
        if batch.as_of.is_some() {
            break;
        }
    }
    assert_eq!(read, subjects(2..many));
    rig.revoke(many..many + 1).await;
    assert_eq!(scopes(&stream.batch().await), subjects(many..many + 1), "nothing twice, nothing left out");
}

#[tokio::test]
async fn a_stream_that_has_nothing_to_catch_up_with_is_told_so_at_once() {
    let rig = Rig::start().await;
    let head = rig.revoke(0..1).await;
    let mut stream = rig.open(from(nameless(), &head)).await;
    let beat = stream.heartbeat().await;
    assert_eq!((beat.cursor.as_str(), beat.as_of), (&*head.to_string(), NOW));
}

#[tokio::test]
async fn a_cursor_that_the_log_has_and_this_node_has_not_passed_on_yet_is_served() {
    let rig = Rig::start().await;
    let ahead = rig.append(0..3).await;
    let mut stream = rig.open(from(nameless(), &ahead)).await;
    assert_eq!(stream.heartbeat().await.cursor.as_str(), ahead.to_string());
    rig.append(3..4).await;
    rig.follow().await;
    let batch = stream.batch().await;
    assert!(scopes(&batch).ends_with(&subjects(3..4)), "older ones may come again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whenever_and_from_wherever_a_stream_begins_it_hears_every_entry_after_its_cursor() {
    const ENTRIES: usize = 1200;
    let rig = Arc::new(Rig::start().await);
    let start = rig.store.head().await.unwrap();
    let following = tokio::spawn({
        let rig = Arc::clone(&rig);
        async move {
            loop {
                rig.follower.changed().await;
                rig.follow().await;
            }
        }
    });
    let mut readers = tokio::task::JoinSet::new();
    let mut known = vec![(start, 0)];
    for number in 0..ENTRIES {
        known.push((rig.append(number..number + 1).await, number + 1));
        if number % 10 == 0 {
            let (cursor, first) = known[number * 7 % known.len()];
            let rig = Arc::clone(&rig);
            readers.spawn(async move {
                let mut stream = rig.open(from(nameless(), &cursor)).await;
                let mut missing: BTreeSet<Scope> = subjects(first..ENTRIES).into_iter().collect();
                while !missing.is_empty() {
                    match stream.next().await {
                        // A frame may begin before the cursor; what is older than the cursor may come again.
                        Some(Event::Revocations(batch)) => {
                            for scope in scopes(&batch) {
                                missing.remove(&scope);
                            }
                        }
                        Some(Event::Heartbeat(_)) => {}
                        // Too slow for this test's pace: what came before is heard, the rest is asked for anew.
                        None => stream = rig.open(from(nameless(), &cursor)).await,
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        if number % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let all = tokio::time::timeout(Duration::from_mins(1), readers.join_all()).await;
    assert!(all.is_ok(), "a stream misses entries");
    following.abort();
}

#[tokio::test]
async fn many_entries_are_cut_into_frames_and_the_last_says_as_of_when() {
    let rig = Rig::start().await;
    let mut stream = rig.open(nameless()).await;
    // More than one page of the follower's.
    rig.revoke(0..2700).await;
    let mut read = Vec::new();
    while read.len() < 2700 {
        let batch = stream.batch().await;
        assert!((1..=FRAME_ENTRIES).contains(&batch.entries.len()));
        read.extend(scopes(&batch));
        assert_eq!(batch.as_of, (read.len() == 2700).then_some(NOW));
    }
    assert_eq!(read, subjects(0..2700));
}

#[tokio::test]
async fn what_comes_between_two_looks_at_the_log_shares_a_frame() {
    let rig = Rig::start().await;
    let mut stream = rig.open(nameless()).await;
    for number in 0..20 {
        rig.append(number..number + 1).await;
    }
    rig.follow().await;
    assert_eq!(scopes(&stream.batch().await), subjects(0..20));
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_cut_off_and_resumes_without_loss() {
    let rig = Rig::start().await;
    let mut stream = rig.open(nameless()).await;
    for number in 0..1500 {
        rig.revoke(number..number + 1).await;
    }
    assert_eq!(stream.subscription.ending(), None);
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.subscription.ending(), Some(Ending::CutOff));
    let mut again = rig.open(from(nameless(), &stream.hello.cursor)).await;
    let mut read = Vec::new();
    while read.len() < 1500 {
        read.extend(scopes(&again.batch().await));
    }
    assert_eq!(read, subjects(0..1500));
}

#[tokio::test]
async fn a_cursor_that_cannot_be_served_is_reset() {
    let rig = Rig::start().await;
    let short_lived = Cutoff { expires_at: NOW.after(TTL), ..logout(0) };
    let trimmed = rig.store.append(std::slice::from_ref(&short_lived)).await.unwrap();
    rig.store.append(&[short_lived]).await.unwrap();
    let good = rig.revoke(1..3).await;
    rig.store.sweep(NOW.after(TTL)).await.unwrap();
    rig.follow().await;
    let mut broken = good.chain;
    broken[0] ^= 1;
    for cursor in [
        String::new(),
        "nonsense".to_owned(),
        Position { epoch: [9; 8], ..good }.to_string(),
        Position { chain: broken, ..good }.to_string(),
        Position { seq: good.seq + 1, ..good }.to_string(),
        Position { seq: good.seq - 1, ..good }.to_string(),
        trimmed.to_string(),
    ] {
        let mut stream = rig.open(from(nameless(), &cursor)).await;
        assert_eq!(stream.hello.cursor.as_str(), good.to_string(), "where a snapshot leads to");
        stream.assert_is_reset().await;
        assert_eq!(rig.feed.connected(), 0);
    }
    rig.open(from(nameless(), &good)).await.heartbeat().await;
}

#[tokio::test]
async fn a_cursor_too_far_behind_is_reset_because_a_snapshot_costs_less() {
    let rig = Rig::start().await;
    let start = rig.store.head().await.unwrap();
    let one = rig.append(0..1).await;
    // The same one again and again.
    let many = vec![logout(0); 100_000];
    rig.store.append(&many).await.unwrap();
    rig.follower.load(NOW).await.unwrap();
    rig.open(from(nameless(), &start)).await.assert_is_reset().await;
    rig.open(from(nameless(), &one)).await.batch().await;
}

#[tokio::test]
async fn a_log_that_becomes_another_one_while_a_stream_catches_up_is_a_gap() {
    let rig = Rig::start().await;
    let at = rig.append(0..1).await;
    let end = rig.append(1..3).await;
    let mut chain = end.chain;
    chain[0] ^= 1;
    for elsewhere in [Position { chain, ..end }, Position { seq: end.seq + 1, ..end }] {
        let store = Arc::clone(&rig.store) as Arc<dyn Store>;
        let until = Head { position: elsewhere, as_of: NOW };
        let mut catch_up = CatchUp { store, horizon: rig.feed.horizon, at, until, now: NOW };
        let mut page = catch_up.page(&rig.feed.hub).await.unwrap();
        if let Page::More(_) = page {
            page = catch_up.page(&rig.feed.hub).await.unwrap();
        }
        assert!(matches!(page, Page::Gap), "{elsewhere:?}");
    }
}

#[tokio::test]
async fn a_log_that_was_trimmed_under_the_follower_resets_every_stream() {
    let rig = Rig::start().await;
    let mut stream = rig.open(nameless()).await;
    let gone = Cutoff { expires_at: NOW.after(TTL), ..logout(0) };
    rig.store.append(&[gone, logout(1)]).await.unwrap();
    rig.store.sweep(NOW.after(TTL)).await.unwrap();
    rig.follow().await;
    stream.assert_is_reset().await;

    let mut stream = rig.open(nameless()).await;
    rig.revoke(2..3).await;
    assert_eq!(scopes(&stream.batch().await), subjects(2..3), "it goes on from there");
}

#[tokio::test]
async fn an_entry_that_follows_from_elsewhere_than_the_head_is_never_passed_on_as_if_it_did_not() {
    let rig = Rig::start().await;
    let mut stream = rig.open(nameless()).await;
    let first = rig.append(0..1).await;
    let second = rig.append(1..2).await;
    rig.feed.publish(first, &[(second, logout(1))], Standing::AtHead, NOW);
    stream.assert_is_reset().await;
}

#[tokio::test]
async fn a_patch_of_claims_moves_the_cursor_and_tells_verifiers_nothing() {
    let rig = Rig::start().await;
    let start = rig.store.head().await.unwrap();
    let mut live = rig.open(nameless()).await;
    rig.store.append(&[patch(1)]).await.unwrap();
    rig.follow().await;
    rig.store.append(&[patch(2), logout(1), patch(3)]).await.unwrap();
    rig.follow().await;
    let head = rig.store.head().await.unwrap();
    for mut stream in [live.batch().await, rig.open(from(nameless(), &start)).await.batch().await] {
        assert_eq!(stream.cursor.as_str(), head.to_string());
        assert_eq!(stream.entries.len(), 1);
        assert_eq!(stream.entries.remove(0).scope, subject(1));
    }
    rig.store.append(&[patch(4)]).await.unwrap();
    rig.follow().await;
    rig.feed.heartbeat(NOW);
    let head = rig.store.head().await.unwrap();
    assert_eq!(live.heartbeat().await.cursor.as_str(), head.to_string());
}

#[tokio::test]
async fn entries_live_as_long_as_tokens_that_were_made_until_they_were_heard_of() {
    let rig = Rig::start().await;
    let start = rig.store.head().await.unwrap();
    let mut live = rig.open(nameless()).await;
    let early = NOW.before(Duration::from_hours(1));
    let dated = Cutoff { issued_before: early, made_at: early, ..logout(0) };
    let soon = Cutoff { expires_at: NOW.after(Duration::from_secs(1)), ..dated.clone() };
    rig.store.append(&[dated, Cutoff { scope: subject(1), ..soon }]).await.unwrap();
    rig.follow().await;
    let lives = |batch: Batch| batch.entries.iter().map(|entry| entry.expires_at).collect::<Vec<_>>();
    let expected = [NOW.after(TTL), NOW.after(Duration::from_secs(1))];
    assert_eq!(lives(live.batch().await), expected);
    assert_eq!(lives(rig.open(from(nameless(), &start)).await.batch().await), expected);
}

#[tokio::test]
async fn a_heartbeat_vouches_for_the_last_look_at_the_log_and_not_for_its_own_time() {
    let rig = Rig::start().await;
    let mut stream = rig.open(nameless()).await;
    let later = NOW.after(Duration::from_secs(9));
    rig.feed.heartbeat(later);
    let beat = stream.heartbeat().await;
    assert_eq!((beat.as_of, beat.server_time, beat.ack), (NOW, later, false));
    rig.follower.catch_up(later).await.unwrap();
    rig.feed.heartbeat(later);
    assert_eq!(stream.heartbeat().await.as_of, later);
}

#[tokio::test]
async fn what_has_been_promised_and_not_passed_on_is_not_vouched_for() {
    let rig = Rig::start().await;
    rig.append(0..1).await;
    let later = NOW.after(Duration::from_secs(9));
    let mut subscription = rig.feed.subscribe(nameless(), later).await.unwrap();
    let Event::Hello(hello) = event(&subscription.next().await.unwrap()) else { panic!("no hello") };
    assert_eq!((hello.as_of, hello.server_time), (NOW, later));
    rig.follow().await;
    let mut subscription = rig.feed.subscribe(nameless(), later).await.unwrap();
    let Event::Hello(hello) = event(&subscription.next().await.unwrap()) else { panic!("no hello") };
    assert_eq!(hello.as_of, later);
}

#[tokio::test]
async fn a_feed_that_is_closed_ends_its_streams_and_begins_none() {
    let rig = Rig::start().await;
    let mut stream = rig.open(nameless()).await;
    rig.feed.close();
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.subscription.ending(), Some(Ending::Closed));
    assert!(matches!(rig.feed.subscribe(nameless(), NOW).await, Err(StoreError::Unavailable(_))));
    rig.revoke(0..1).await;
    rig.feed.heartbeat(NOW);
}

#[tokio::test]
async fn before_the_log_has_been_loaded_no_stream_begins() {
    let rig = Rig::over(Counted::new(Duration::ZERO));
    assert!(matches!(rig.feed.subscribe(nameless(), NOW).await, Err(StoreError::Unavailable(_))));
    rig.follow().await;
    rig.open(nameless()).await;
}

#[tokio::test]
async fn a_verifier_that_comes_back_takes_the_place_of_its_older_stream() {
    let rig = Rig::start().await;
    let mut older = rig.open(named("a")).await;
    let mut other = rig.open(named("b")).await;
    let mut newer = rig.open(named("a")).await;
    assert_eq!(rig.feed.connected(), 2);
    rig.revoke(0..1).await;
    assert_eq!(older.next().await, None);
    drop(older);
    assert_eq!(scopes(&newer.batch().await), scopes(&other.batch().await));
    assert_eq!(rig.feed.connected(), 2);
}

#[tokio::test]
async fn stream_names_cannot_be_guessed_from_each_other() {
    let rig = Rig::start().await;
    let (a, b) = (rig.open(nameless()).await, rig.open(nameless()).await);
    assert_eq!((a.id().len(), b.id().len()), (32, 32));
    assert_ne!(a.id(), b.id());
}

#[tokio::test]
async fn the_pause_after_a_frame_grows_with_the_streams_and_ends_somewhere() {
    let rig = Rig::start().await;
    assert_eq!(rig.feed.pause(), SHORTEST_PAUSE);
    let mut streams = Vec::new();
    for _ in 0..2500 {
        streams.push(rig.feed.subscribe(nameless(), NOW).await.unwrap());
    }
    assert_eq!(rig.feed.pause(), LONGEST_PAUSE);
    streams.truncate(1000);
    assert_eq!(rig.feed.pause(), Duration::from_millis(5));
}
