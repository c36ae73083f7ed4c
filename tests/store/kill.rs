//! Law 2 the hard way: a process that appends is killed, and what it was told is there is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use signet::random::SystemRandom;
use signet::session::register::Register;
use signet::store::{EmbeddedStore, Position, Store, Swap};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::fixtures::{HOUR, at, logout, merged, read_on, register, session};

/// Set for the process that is to be killed: its file.
const FILE: &str = "SIGNET_TEST_FILE";
const WRITERS: usize = 8;

/// One test, twice: it starts itself again as the process that it kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(clippy::disallowed_methods, reason = "how the killed process knows that it is the one")]
async fn what_was_acknowledged_survives_kill_9() {
    if let Ok(path) = std::env::var(FILE) {
        return write_until_killed(Path::new(&path)).await;
    }
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("signet.redb");
    // Each round goes on in the file that the one before left behind.
    for enough in [50, 150, 250] {
        let acknowledged = kill_after(&path, enough);
        assert!(acknowledged.appended.len() + acknowledged.swapped.len() >= enough);
        assert_nothing_is_missing(&path, acknowledged).await;
    }
}

#[derive(Default)]
struct Acknowledged {
    /// Number of the subject and the sequence number that the writer was told.
    appended: Vec<(usize, u64)>,
    /// Session and the generation of its register.
    swapped: Vec<(u8, u32)>,
}

/// Starts the other process, reads what it was told, and kills it in the middle.
fn kill_after(path: &Path, enough: usize) -> Acknowledged {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::what_was_acknowledged_survives_kill_9", "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Acknowledged::default();
    let mut lines = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The pipe outlives the process: whatever it had said before the end still counts.
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["appended", n, seq] => acknowledged.appended.push((n.parse().unwrap(), seq.parse().unwrap())),
            ["swapped", sid, generation] => {
                acknowledged.swapped.push((sid.parse().unwrap(), generation.parse().unwrap()));
            }
            _ => continue,
        }
        lines += 1;
        if lines == enough {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "it was killed and did not end by itself");
    acknowledged
}

async fn assert_nothing_is_missing(path: &Path, acknowledged: Acknowledged) {
    let store = EmbeddedStore::open(path, &SystemRandom::new()).unwrap();
    let (head, live) = store.snapshot(at(0), at(0)).await.unwrap();
    let live = merged(live);
    let log = read_on(&store, Position::start(head.epoch), 100).await;
    for (n, seq) in acknowledged.appended {
        let cutoff = logout(n, 1, 100);
        assert_eq!(live.get(&cutoff.key()), Some(&cutoff));
        assert!(log.iter().any(|(position, entry)| position.seq == seq && *entry == cutoff));
    }
    for (sid, generation) in acknowledged.swapped {
        let found = store.load_register(session(sid)).await.unwrap();
        assert!(found.is_some_and(|register| register.current.generation >= generation));
    }
}

async fn write_until_killed(path: &Path) {
    let store = Arc::new(EmbeddedStore::open(path, &SystemRandom::new()).unwrap());
    let first = usize::try_from(store.head().await.unwrap().seq).unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let sid = u8::try_from(writer).unwrap();
            let mut seen = store.load_register(session(sid)).await.unwrap();
            for n in (first + writer..).step_by(WRITERS) {
                let position = store.append(&[logout(n, 1, 100)]).await.unwrap();
                say(&format!("appended {n} {}", position.seq));
                seen = Some(step(&store, sid, seen).await);
                say(&format!("swapped {sid} {}", seen.unwrap().current.generation));
            }
        });
    }
    writers.join_all().await;
}

async fn step(store: &EmbeddedStore, sid: u8, seen: Option<Register>) -> Register {
    let new = register(seen.map_or(1, |seen| seen.current.generation + 1));
    let swapped = store.swap_register(session(sid), seen.as_ref(), &new, at(HOUR)).await.unwrap();
    assert_eq!(swapped, Swap::Done);
    new
}

/// One line in one write, so that a kill does not leave half of it. A parent that has gone is the end too.
#[expect(clippy::disallowed_methods, reason = "nothing of it is to be closed: it is there to be killed")]
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
