//! What is promised of the embedded engine alone: it is a file.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use signet::random::SystemRandom;
use signet::store::{EmbeddedStore, Journal, OpenError, Position, Store, StoreError, Swap, Tail};
use tempfile::TempDir;

use crate::fixtures::{HOUR, at, logout, read_on, register, session, subject};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const REGISTERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("registers");
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const MADE: TableDefinition<'_, &[u8], ()> = TableDefinition::new("cutoff_made");
const CUTOFFS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("cutoffs");

#[tokio::test]
async fn everything_is_there_after_closing_and_opening_again() {
    let (_directory, path) = new_path();
    let store = open(&path);
    let one = store.append(&[logout(1, 1, 100)]).await.unwrap();
    let head = store.append(&[logout(2, 1, 100)]).await.unwrap();
    store.swap_register(session(1), None, &register(3), at(HOUR)).await.unwrap();
    store.close();

    let store = open(&path);
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(store.snapshot(at(0), at(1)).await.unwrap().1, [logout(1, 1, 100), logout(2, 1, 100)]);
    assert_eq!(store.tail(&one, 9).await.unwrap(), Tail::Entries(vec![(head, logout(2, 1, 100))]));
    assert_eq!(store.load_register(session(1)).await.unwrap(), Some(register(3)));
    assert_eq!(store.matching(&[subject("user-2")]).unwrap(), [logout(2, 1, 100)]);
    assert!(store.append(&[logout(3, 1, 100)]).await.unwrap().seq == 3);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_store_that_is_dropped() {
    let (_directory, path) = new_path();
    let store = open(&path);
    let head = store.append(&[logout(1, 1, 100)]).await.unwrap();
    drop(store);
    assert_eq!(open(&path).head().await.unwrap(), head);
}

#[tokio::test]
async fn what_was_asked_for_before_closing_is_done_and_later_calls_are_refused() {
    let (_directory, path) = new_path();
    let store = open(&path);
    let cutoffs = [logout(1, 1, 100)];
    let mut append = store.append(&cutoffs);
    // Polled once, so that the command is on its way.
    assert!(poll_once(&mut append).await.is_none());
    store.close();
    let head = append.await.unwrap();
    assert!(matches!(store.head().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.append(&cutoffs).await, Err(StoreError::Unavailable(_))));
    store.close();
    assert_eq!(open(&path).head().await.unwrap(), head);
}

#[tokio::test]
async fn an_idle_store_does_not_touch_its_file() {
    let (_directory, path) = new_path();
    let store = open(&path);
    store.append(&[logout(1, 1, 100)]).await.unwrap();
    store.swap_register(session(1), None, &register(1), at(HOUR)).await.unwrap();
    let before = look(&path);

    assert_eq!(store.sweep(at(99)).await.unwrap(), 0);
    assert_eq!(store.append(&[]).await.unwrap().seq, 1);
    let lost = store.swap_register(session(1), None, &register(2), at(HOUR)).await.unwrap();
    assert_eq!(lost, Swap::Lost(Some(register(1))));
    store.snapshot(at(0), at(1)).await.unwrap();
    store.matching(&[subject("user-1")]).unwrap();
    read_on(&store, Position::start(store.head().await.unwrap().epoch), 10).await;
    assert!(look(&path) == before, "the file changed");

    store.sweep(at(100)).await.unwrap();
    assert!(look(&path) != before, "this look cannot see a change");
}

#[tokio::test]
async fn a_register_takes_at_most_64_bytes_of_value() {
    let (_directory, path) = new_path();
    let store = open(&path);
    store.swap_register(session(1), None, &register(u32::MAX), at(u64::MAX)).await.unwrap();
    store.close();
    let database = Database::open(&path).unwrap();
    let registers = database.begin_read().unwrap().open_table(REGISTERS).unwrap();
    let (_, value) = registers.first().unwrap().unwrap();
    assert!(value.value().len() <= 64);
}

#[cfg(unix)]
#[tokio::test]
async fn the_directory_is_made_and_the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a/b/signet.redb");
    let _store = open(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_second_opener_is_told_which_file_is_in_use() {
    let (_directory, path) = new_path();
    let store = open(&path);
    let error = refusal(&path);
    assert!(matches!(&error, OpenError::InUse(file) if *file == path), "{error:?}");
    assert_eq!(error.to_string(), format!("{} is in use by another process", path.display()));
    store.close();
    assert!(EmbeddedStore::open(&path, &SystemRandom::new()).is_ok());
}

#[tokio::test]
async fn another_format_is_refused_by_name_and_left_alone() {
    let (_directory, path) = new_path();
    open(&path).close();
    change(&path, META, |meta| drop(meta.insert("format", [9].as_slice()).unwrap()));
    let error = refusal(&path);
    assert_eq!(error.to_string(), format!("{} has format 9, this version reads format 1", path.display()));
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused() {
    let (_directory, path) = new_path();
    fs::write(&path, b"SQLite format 3\0 and so on, for much longer than a header".repeat(200)).unwrap();
    let contents = fs::read(&path).unwrap();
    assert!(matches!(refusal(&path), OpenError::Foreign(_)));
    assert_eq!(fs::read(&path).unwrap(), contents);

    let (_directory, path) = new_path();
    let table = TableDefinition::<&str, &str>::new("somebody's");
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert("a", "b").unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(refusal(&path), OpenError::Foreign(_)));
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_its_name() {
    let (_directory, path) = new_path();
    let store = open(&path);
    for n in 0..50 {
        store.append(&[logout(n, 1, 100)]).await.unwrap();
    }
    store.close();
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(refusal(&path).to_string().contains("signet.redb"));

    // The header stays, so it is recognised; the rest is noise.
    fs::write(&path, &whole).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; whole.len() - 4096]).unwrap();
    drop(file);
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("signet.redb"));
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_an_error_and_never_skipped() {
    let (_directory, path) = new_path();
    let store = open(&path);
    store.append(&[logout(1, 1, 100), logout(2, 1, 100)]).await.unwrap();
    store.close();
    change(&path, CUTOFFS, |cutoffs| {
        let key = cutoffs.first().unwrap().unwrap().0.value().to_vec();
        drop(cutoffs.insert(key.as_slice(), [2, b'{', b'}'].as_slice()).unwrap());
    });

    let store = open(&path);
    let unknown = "a cutoff of an unknown version";
    assert!(matches!(store.snapshot(at(0), at(1)).await, Err(StoreError::Corrupt(what)) if what == unknown));
    assert!(
        matches!(store.matching(&[subject("user-1")]), Err(StoreError::Corrupt(what)) if what == unknown)
    );
    assert!(store.matching(&[subject("user-2")]).is_ok(), "what can be read is read");
}

#[tokio::test]
async fn an_entry_of_the_log_that_was_changed_breaks_the_chain() {
    for changed in 0..3 {
        let (_directory, path) = new_path();
        let store = open(&path);
        let start = store.head().await.unwrap();
        store.append(&[logout(1, 1, 100), logout(2, 1, 100), logout(3, 1, 100)]).await.unwrap();
        store.close();
        change(&path, LOG, |log| {
            let mut link = log.get(changed).unwrap().unwrap().value().to_vec();
            let member = br#""issued_before":"#;
            let digit = link.windows(member.len()).position(|bytes| bytes == member).unwrap() + member.len();
            link[digit] = b'0';
            drop(log.insert(changed, link.as_slice()).unwrap());
        });

        let store = open(&path);
        let tail = store.tail(&start, 9).await;
        assert!(
            matches!(tail, Err(StoreError::Corrupt(what)) if what.contains("log")),
            "{changed}: {tail:?}"
        );
    }
}

#[tokio::test]
async fn a_snapshot_of_a_time_does_not_read_what_is_older() {
    let (_directory, path) = new_path();
    let store = open(&path);
    store.append(&[logout(1, 1, 100), logout(2, 50, 100)]).await.unwrap();
    store.close();
    // Whoever reads the older one comes upon damage.
    change(&path, CUTOFFS, |cutoffs| {
        let key = cutoffs.first().unwrap().unwrap().0.value().to_vec();
        drop(cutoffs.insert(key.as_slice(), [2].as_slice()).unwrap());
    });
    let store = open(&path);
    assert_eq!(store.snapshot(at(2), at(1)).await.unwrap().1, [logout(2, 50, 100)]);
    assert!(matches!(store.snapshot(at(1), at(1)).await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn a_file_without_an_index_of_times_is_opened_and_gets_one() {
    let (_directory, path) = new_path();
    let store = open(&path);
    let head = store.append(&[logout(1, 1, 100), logout(2, 50, 100), logout(3, 60, 100)]).await.unwrap();
    store.close();
    change(&path, META, |meta| drop(meta.remove("cutoff_made").unwrap()));
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    assert!(transaction.delete_table(MADE).unwrap(), "the table that older files do not have");
    transaction.commit().unwrap();
    drop(database);

    let store = open(&path);
    let expected = (head, vec![logout(2, 50, 100), logout(3, 60, 100)]);
    assert_eq!(store.snapshot(at(50), at(1)).await.unwrap(), expected);
    store.append(&[logout(2, 70, 100)]).await.unwrap();
    assert_eq!(store.snapshot(at(61), at(1)).await.unwrap().1, [logout(2, 70, 100)]);
    store.close();
    assert_eq!(index_of_times(&path).len(), 3);
}

#[tokio::test]
async fn an_index_of_times_that_an_older_program_did_not_keep_up_is_made_anew() {
    let (_directory, path) = new_path();
    let store = open(&path);
    let before = store.append(&[logout(1, 1, 100)]).await.unwrap();
    let old_index = {
        store.close();
        index_of_times(&path)
    };
    let store = open(&path);
    store.append(&[logout(2, 50, 100), logout(1, 60, 100)]).await.unwrap();
    store.close();
    // What a program that knows nothing of the index leaves behind: everything else has moved on.
    change(&path, META, |meta| drop(meta.insert("cutoff_made", before.to_bytes().as_slice()).unwrap()));
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.delete_table(MADE).unwrap();
    let mut index = transaction.open_table(MADE).unwrap();
    for key in old_index {
        index.insert(key.as_slice(), ()).unwrap();
    }
    drop(index);
    transaction.commit().unwrap();
    drop(database);

    let store = open(&path);
    let live = store.snapshot(at(50), at(1)).await.unwrap().1;
    assert_eq!(live, [logout(2, 50, 100), logout(1, 60, 100)]);
    assert_eq!(store.snapshot(at(0), at(1)).await.unwrap().1.len(), 2, "each once");
}

#[tokio::test]
async fn the_index_of_times_shrinks_with_what_it_is_of() {
    let (_directory, path) = new_path();
    let store = open(&path);
    store.append(&[logout(1, 1, 10), logout(1, 5, 10), logout(2, 1, 20), logout(1, 3, 10)]).await.unwrap();
    store.close();
    assert_eq!(index_of_times(&path).len(), 2);
    let store = open(&path);
    store.sweep(at(10)).await.unwrap();
    store.close();
    assert_eq!(index_of_times(&path).len(), 1);
}

#[tokio::test]
async fn one_command_that_cannot_be_done_does_not_take_its_batch_with_it() {
    let (_directory, path) = new_path();
    let store = open(&path);
    store.append(&[logout(1, 1, 100)]).await.unwrap();
    store.close();
    change(&path, CUTOFFS, |cutoffs| {
        let key = cutoffs.first().unwrap().unwrap().0.value().to_vec();
        drop(cutoffs.insert(key.as_slice(), [2].as_slice()).unwrap());
    });

    let store = open(&path);
    let (mine, bad, yours) =
        ([logout(2, 1, 100)], [logout(3, 1, 100), logout(1, 2, 100)], [logout(4, 1, 100)]);
    let (mine, bad, yours) = tokio::join!(store.append(&mine), store.append(&bad), store.append(&yours));
    assert!(matches!(bad, Err(StoreError::Corrupt(_))));
    assert_eq!(mine.unwrap().seq.max(yours.unwrap().seq), 3, "nothing of the refused one is in the log");
    assert_eq!(store.head().await.unwrap().seq, 3);
    assert_eq!(store.matching(&[subject("user-3")]).unwrap(), []);
}

fn new_path() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("signet.redb");
    (directory, path)
}

fn open(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(path, &SystemRandom::new()).unwrap()
}

/// Why the file is not opened.
fn refusal(path: &Path) -> OpenError {
    match EmbeddedStore::open(path, &SystemRandom::new()).err() {
        Some(StoreError::Unavailable(Some(cause))) => *cause.downcast().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn index_of_times(path: &Path) -> Vec<Vec<u8>> {
    let database = Database::open(path).unwrap();
    let index = database.begin_read().unwrap().open_table(MADE).unwrap();
    index.iter().unwrap().map(|item| item.unwrap().0.value().to_vec()).collect()
}

fn look(path: &Path) -> (Vec<u8>, std::time::SystemTime) {
    (fs::read(path).unwrap(), fs::metadata(path).unwrap().modified().unwrap())
}

/// Changes a closed file behind the store's back.
fn change<K: redb::Key + 'static>(
    path: &Path,
    table: TableDefinition<'_, K, &'static [u8]>,
    change: impl FnOnce(&mut redb::Table<'_, K, &'static [u8]>),
) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&mut transaction.open_table(table).unwrap());
    transaction.commit().unwrap();
}

/// `Some` if the future is ready at its first poll.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
