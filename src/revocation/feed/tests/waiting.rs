use tokio::task::JoinHandle;
use tokio::time;

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

impl Rig {
    /// Begins to wait, as an answer that was asked to would.
    async fn wait_for(&self, position: Position) -> JoinHandle<Applied> {
        let feed = Arc::clone(&self.feed);
        let awaited = Awaited { position, timeout: PATIENCE };
        let waiting = tokio::spawn(async move { feed.applied(awaited, NOW).await });
        // On one thread: it runs until it has to wait.
        tokio::task::yield_now().await;
        waiting
    }

    fn acknowledge(&self, stream: &Stream, cursor: &impl ToString) {
        self.feed.acknowledge(&client(), stream.id(), &cursor.to_string()).unwrap();
    }
}

fn all(total: u32) -> Applied {
    Applied { applied: total, total, waiting_for: Vec::new() }
}

fn all_but(verifier: &str, connected: bool, total: u32) -> Applied {
    let waiting_for = vec![Waiting { verifier: verifier.into(), connected }];
    Applied { applied: total - 1, total, waiting_for }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_nobody_is_waited_for() {
    let rig = Rig::start().await;
    let position = rig.revoke(0..1).await;
    let began = Instant::now();
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all(0));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_last_verifier_has_applied_it() {
    let rig = Rig::start().await;
    let (mut a, mut b) = (rig.open(named("a")).await, rig.open(named("b")).await);
    let asking = rig.feed.expect();
    let position = rig.append(0..1).await;
    let waiting = rig.wait_for(position).await;
    rig.follow().await;
    let (from_a, from_b) = (a.batch().await, b.batch().await);
    assert!(from_a.ack && from_b.ack);
    time::advance(Duration::from_millis(3)).await;
    rig.acknowledge(&a, &from_a.cursor);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    time::advance(Duration::from_millis(4)).await;
    rig.acknowledge(&b, &from_b.cursor);
    assert_eq!(waiting.await.unwrap(), all(2));
    let lags = [Duration::from_millis(3), Duration::from_millis(7)];
    assert_eq!(*rig.lags.lock().unwrap(), lags);
    rig.acknowledge(&b, &from_b.cursor);
    assert_eq!(rig.lags.lock().unwrap().len(), 2, "saying it twice is one acknowledgement");

    drop(asking);
    rig.revoke(1..2).await;
    assert!(!a.batch().await.ack, "nobody waits any more");
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_went_out_before_anybody_waited_is_asked_for_at_once() {
    let rig = Rig::start().await;
    let mut stream = rig.open(named("a")).await;
    let position = rig.revoke(0..1).await;
    assert!(!stream.batch().await.ack);
    let began = Instant::now();
    let waiting = rig.wait_for(position).await;
    let question = stream.heartbeat().await;
    assert!(question.ack);
    rig.acknowledge(&stream, &question.cursor);
    assert_eq!(waiting.await.unwrap(), all(1));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_everybody_has_applied_already_is_not_waited_for() {
    let rig = Rig::start().await;
    let position = rig.revoke(0..1).await;
    let mut since = rig.open(from(named("a"), &position)).await;
    let mut now = rig.open(named("b")).await;
    since.heartbeat().await;
    let began = Instant::now();
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all(2));
    assert_eq!(began.elapsed(), Duration::ZERO);
    rig.feed.heartbeat(NOW);
    assert!(!now.heartbeat().await.ack, "and nobody is asked");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_asked_for_again() {
    let rig = Rig::start().await;
    let mut stream = rig.open(named("a")).await;
    let position = rig.revoke(0..1).await;
    stream.batch().await;
    let waiting = rig.wait_for(position).await;
    for _ in 0..3 {
        assert!(stream.heartbeat().await.ack);
    }
    rig.acknowledge(&stream, &position);
    assert_eq!(waiting.await.unwrap(), all(1));
}

#[tokio::test(start_paused = true)]
async fn at_the_timeout_it_says_who_has_not() {
    let rig = Rig::start().await;
    let (a, _b) = (rig.open(named("a")).await, rig.open(named("b")).await);
    let nobody = rig.open(nameless()).await;
    let position = rig.revoke(0..1).await;
    rig.acknowledge(&a, &position);
    let began = Instant::now();
    let applied = rig.wait_for(position).await.await.unwrap();
    assert_eq!(began.elapsed(), PATIENCE);
    assert_eq!((applied.applied, applied.total), (1, 3));
    let listed: BTreeSet<&str> = applied.waiting_for.iter().map(|waiting| &*waiting.verifier).collect();
    assert_eq!(listed, BTreeSet::from(["b", nobody.id()]));
    assert!(applied.waiting_for.iter().all(|waiting| waiting.connected));
}

#[tokio::test(start_paused = true)]
async fn of_very_many_some_are_listed_and_all_are_counted() {
    let rig = Rig::start().await;
    let mut streams = Vec::new();
    for number in 0..150 {
        streams.push(rig.open(named(&format!("verifier-{number}"))).await);
    }
    let position = rig.revoke(0..1).await;
    let applied = rig.wait_for(position).await.await.unwrap();
    assert_eq!((applied.applied, applied.total, applied.waiting_for.len()), (0, 150, Applied::MAX_LISTED));
}

#[tokio::test(start_paused = true)]
async fn a_verifier_that_was_cut_off_counts_until_it_can_no_longer_vouch() {
    let rig = Rig::start().await;
    let stream = rig.open(Subscriber { max_staleness: Duration::from_millis(3100), ..named("a") }).await;
    let waited_out = rig.open(Subscriber { max_staleness: Duration::from_mins(3), ..named("b") }).await;
    drop(stream);
    assert_eq!(rig.feed.connected(), 1);
    let position = rig.revoke(0..1).await;
    rig.acknowledge(&waited_out, &position);
    let began = Instant::now();
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all(1));
    assert_eq!(began.elapsed(), Duration::from_millis(3100));

    drop(waited_out);
    let position = rig.revoke(1..2).await;
    let began = Instant::now();
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all_but("b", false, 1));
    assert_eq!(began.elapsed(), PATIENCE);
    time::advance(Duration::from_mins(3)).await;
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all(0));
}

#[tokio::test(start_paused = true)]
async fn a_verifier_that_comes_back_counts_by_its_cursor() {
    let rig = Rig::start().await;
    drop(rig.open(named("a")).await);
    let behind = rig.store.head().await.unwrap();
    let position = rig.revoke(0..1).await;
    let waiting = rig.wait_for(position).await;
    let mut stream = rig.open(from(named("a"), &behind)).await;
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "it has come back and has not applied it");
    assert!(stream.batch().await.ack, "what it catches up with asks, too");
    drop(stream);
    let _stream = rig.open(from(named("a"), &position)).await;
    assert_eq!(waiting.await.unwrap(), all(1));
}

#[tokio::test(start_paused = true)]
async fn a_verifier_whose_cursor_cannot_be_served_is_still_waited_for() {
    let rig = Rig::start().await;
    drop(rig.open(named("a")).await);
    let position = rig.revoke(0..1).await;
    rig.open(from(named("a"), &"nonsense")).await.assert_is_reset().await;
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all_but("a", false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_verifier_that_connects_behind_is_waited_for_and_one_that_leaves_is_not() {
    let rig = Rig::start().await;
    let start = rig.store.head().await.unwrap();
    let first = rig.open(named("a")).await;
    let position = rig.revoke(0..1).await;
    let waiting = rig.wait_for(position).await;
    let second = rig.open(from(named("b"), &start)).await;
    rig.acknowledge(&first, &position);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    rig.feed.leave(&client(), second.id()).unwrap();
    assert_eq!(waiting.await.unwrap(), all(1));
    let gone = second.id().to_owned();
    drop(second);
    assert_eq!(rig.feed.leave(&client(), &gone), Err(AckError::UnknownStream));
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all(1), "and it leaves no ghost");

    let ghost = first.id().to_owned();
    drop(first);
    rig.feed.leave(&client(), &ghost).unwrap();
    let position = rig.revoke(1..2).await;
    assert_eq!(rig.wait_for(position).await.await.unwrap(), all(0), "one that was cut off may still leave");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ahead_of_what_was_passed_on_hears_nothing_of_the_past_and_is_not_waited_for() {
    let rig = Rig::start().await;
    let start = rig.store.head().await.unwrap();
    let past = rig.append(0..1).await;
    let ahead = rig.append(1..2).await;
    let mut stream = rig.open(from(named("a"), &ahead)).await;
    stream.heartbeat().await;
    let waiting = rig.wait_for(past).await;
    rig.feed.publish(start, &[(past, logout(0))], Standing::Behind, NOW);
    assert_eq!(waiting.await.unwrap(), all(1));
    rig.feed.publish(past, &[(ahead, logout(1))], Standing::AtHead, NOW);
    assert_eq!(scopes(&stream.batch().await), subjects(1..2));
}

#[tokio::test(start_paused = true)]
async fn only_a_cursor_of_this_log_up_to_its_head_is_taken() {
    let rig = Rig::start().await;
    let stream = rig.open(named("a")).await;
    let head = rig.revoke(0..1).await;
    let ahead = Position { seq: head.seq + 1, ..head };
    let other = Position { epoch: [9; 8], ..head };
    for cursor in ["", "nonsense", &ahead.to_string(), &other.to_string()] {
        assert_eq!(
            rig.feed.acknowledge(&client(), stream.id(), cursor),
            Err(AckError::UnknownCursor),
            "{cursor}"
        );
    }
    assert_eq!(rig.feed.acknowledge(&client(), "another", &head.to_string()), Err(AckError::UnknownStream));
    let id = stream.id().to_owned();
    drop(stream);
    assert_eq!(rig.feed.acknowledge(&client(), &id, &head.to_string()), Err(AckError::UnknownStream));
    assert_eq!(rig.wait_for(head).await.await.unwrap(), all_but("a", false, 1));
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_of_less_takes_nothing_back() {
    let rig = Rig::start().await;
    let stream = rig.open(named("a")).await;
    let first = rig.revoke(0..1).await;
    let second = rig.revoke(1..2).await;
    rig.acknowledge(&stream, &second);
    rig.acknowledge(&stream, &first);
    assert_eq!(rig.wait_for(second).await.await.unwrap(), all(1));
}

#[tokio::test(start_paused = true)]
async fn what_denies_nothing_can_be_waited_for_too() {
    let rig = Rig::start().await;
    let mut stream = rig.open(named("a")).await;
    let position = rig.store.append(&[patch(1)]).await.unwrap();
    let waiting = rig.wait_for(position).await;
    rig.follow().await;
    let batch = stream.batch().await;
    assert!(batch.ack && batch.entries.is_empty());
    rig.acknowledge(&stream, &batch.cursor);
    assert_eq!(waiting.await.unwrap(), all(1));
}

#[tokio::test(start_paused = true)]
async fn however_many_wait_verifiers_are_asked_once_for_all() {
    let rig = Rig::start().await;
    let mut stream = rig.open(named("a")).await;
    let position = rig.revoke(0..1).await;
    stream.batch().await;
    let mut waiting = Vec::new();
    for _ in 0..50 {
        waiting.push(rig.wait_for(position).await);
    }
    assert!(stream.heartbeat().await.ack);
    rig.acknowledge(&stream, &position);
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), all(1));
    }
    rig.revoke(1..2).await;
    assert!(matches!(stream.next().await, Some(Event::Revocations(_))), "one question, then what comes next");
}

#[tokio::test(start_paused = true)]
async fn nobody_has_anything_of_a_log_that_was_loaded_anew() {
    let rig = Rig::start().await;
    let stream = rig.open(named("a")).await;
    let gone = Cutoff { expires_at: NOW.after(TTL), ..logout(0) };
    let first = rig.store.append(&[gone]).await.unwrap();
    rig.follow().await;
    rig.acknowledge(&stream, &first);
    rig.store.append(&[Cutoff { expires_at: NOW.after(TTL), ..logout(1) }]).await.unwrap();
    rig.append(2..3).await;
    rig.store.sweep(NOW.after(TTL)).await.unwrap();
    rig.follow().await;
    drop(stream);
    assert_eq!(rig.wait_for(first).await.await.unwrap(), all_but("a", false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_closed_keeps_nobody_waiting() {
    let rig = Rig::start().await;
    let _stream = rig.open(named("a")).await;
    let position = rig.revoke(0..1).await;
    let began = Instant::now();
    let waiting = rig.wait_for(position).await;
    rig.feed.close();
    assert_eq!(waiting.await.unwrap(), all_but("a", true, 1));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_verifier_that_is_asked_again_and_again_and_never_answers_is_cut_off() {
    let rig = Rig::start().await;
    let (mut mute, mut slow) = (rig.open(named("mute")).await, rig.open(named("slow")).await);
    let began = Instant::now();
    let position = rig.revoke(0..1).await;
    let mut last = Applied::default();
    while began.elapsed() < Duration::from_mins(1) {
        let waiting = rig.wait_for(position).await;
        // It has not got so far, and says so.
        rig.acknowledge(&slow, &slow.hello.cursor.as_str());
        last = waiting.await.unwrap();
    }
    assert_eq!(last, all_but("slow", true, 1), "of the other one even the ghost is gone");
    assert_eq!(mute.next().await, None);
    assert_eq!(mute.subscription.ending(), Some(Ending::Superseded));
    assert!(slow.next().await.is_some());
}
