//! The one writer of the embedded file: a thread that takes what is waiting, applies all of it in one transaction, syncs
//! once, and then answers everybody. A hundred callers so wait for one sync, not for a hundred.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot, watch};

use super::fault::Fault;
use super::file::StoreFile;
use super::tables::Tables;
use super::view::View;
use super::{Position, StoreError};

/// The most commands in one transaction: enough that the sync hardly counts, and nobody waits long for the rest.
const BATCH: usize = 256;

/// The writer's end that callers hold.
pub(super) struct Writer {
    /// Without a bound of its own: each caller waits for its one command, and `GuardedStore` bounds the callers.
    commands: mpsc::UnboundedSender<Command>,
    /// The head as the writer last left it.
    head: watch::Receiver<Position>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Command {
    Do(Box<dyn Work>),
    /// A reader found the file unusable.
    Mend,
    Close,
}

impl Writer {
    /// Starts the thread. It closes the file when it ends.
    pub(super) fn start(file: Arc<StoreFile>) -> io::Result<Self> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (announced, head) = watch::channel(Position::default());
        let scribe = Scribe { file, head: announced };
        // Before anybody can ask, so that what was there at the start is no change.
        scribe.announce_what_is_there();
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || scribe.write_until_closed(receiver))?;
        Ok(Self { commands, head, thread: Mutex::new(Some(thread)) })
    }

    /// Does something in a write transaction; when this returns it has been synced. The work may run twice, the first
    /// time without effect.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tables<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let command = Command::Do(Box::new(Asked { work, done: None, answer }));
        self.commands.send(command).map_err(|_| StoreError::Unavailable(None))?;
        answered.await.unwrap_or(Err(StoreError::Unavailable(None)))
    }

    /// Returns when the head is no longer at `after`; never once the store has been closed.
    pub(super) async fn changed(&self, after: &Position) {
        if self.head.clone().wait_for(|head| head != after).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The head after the last commit; callers hear of a commit after it is announced.
    pub(super) fn announced(&self) -> Position {
        *self.head.borrow()
    }

    /// Has the file opened again.
    pub(super) fn mend(&self) {
        // Once the store has been closed there is nothing to mend.
        let _ = self.commands.send(Command::Mend);
    }

    /// Does what was asked for before this, and closes the file; what is asked for later is refused.
    pub(super) fn close(&self) {
        let _ = self.commands.send(Command::Close);
        // Held while waiting, so that a second caller returns when the file is closed, not before.
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(panic)) = thread.take().map(JoinHandle::join) {
            tracing::error!(panic = panic_text(&*panic), "the store's writer had died");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// Something that a caller waits for.
trait Work: Send {
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), Fault>;
    fn answer(self: Box<Self>, outcome: Result<(), Fault>);
}

struct Asked<T, F> {
    work: F,
    done: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Asked<T, F>
where
    T: Send,
    F: FnMut(&mut Tables<'_>) -> Result<T, Fault> + Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), Fault> {
        self.done = Some((self.work)(tables)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Fault>) {
        let Self { done, answer, .. } = *self;
        let done = outcome.map_err(StoreError::from).and_then(|()| done.ok_or(StoreError::Unavailable(None)));
        // The caller may have gone; what was done is done.
        let _ = answer.send(done);
    }
}

/// The thread's own.
struct Scribe {
    file: Arc<StoreFile>,
    head: watch::Sender<Position>,
}

impl Scribe {
    fn write_until_closed(self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut waiting = Vec::with_capacity(BATCH);
        while commands.blocking_recv_many(&mut waiting, BATCH) > 0 {
            let mut batch = Vec::with_capacity(waiting.len());
            let mut unusable = false;
            for command in waiting.drain(..) {
                match command {
                    Command::Do(work) => batch.push(work),
                    Command::Mend => unusable = true,
                    Command::Close => commands.close(),
                }
            }
            if unusable {
                self.mend();
            }
            self.write(batch);
        }
        self.file.close();
    }

    /// One transaction for the batch, and its answers.
    fn write(&self, mut batch: Vec<Box<dyn Work>>) {
        if batch.is_empty() {
            return;
        }
        match self.transact(&mut batch) {
            // Nothing of the batch has been written. Whoever came upon what cannot be read hears of it, the others go on.
            Err(Fault::Unreadable(_)) if batch.len() > 1 => {
                for work in batch {
                    self.write(vec![work]);
                }
            }
            outcome => {
                if matches!(outcome, Err(Fault::Engine(_))) && self.file.is_open() {
                    self.mend();
                }
                for work in batch {
                    work.answer(outcome.clone());
                }
            }
        }
    }

    fn transact(&self, batch: &mut [Box<dyn Work>]) -> Result<(), Fault> {
        if !self.file.is_open() {
            self.file.reopen()?;
            self.announce_what_is_there();
        }
        let head = self.file.with(|database| {
            let transaction = database.begin_write()?;
            let mut tables = Tables::open(&transaction)?;
            for work in batch {
                work.apply(&mut tables)?;
            }
            let (changed, head) = (tables.is_changed(), tables.head());
            drop(tables);
            // redb's default durability: the commit returns when the file has been synced. Dropping instead undoes.
            if changed {
                transaction.commit()?;
            } else {
                transaction.abort()?;
            }
            Ok(head)
        })?;
        self.announce(head);
        Ok(())
    }

    fn mend(&self) {
        match self.file.reopen() {
            Ok(()) => {
                tracing::warn!("the store failed and has been opened again");
                // The commit that failed may have reached the disk all the same.
                self.announce_what_is_there();
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store cannot be opened again");
            }
        }
    }

    /// Tells whoever waits for a change, before the callers who made it hear that they have.
    fn announce(&self, head: Position) {
        self.head.send_if_modified(|announced| std::mem::replace(announced, head) != head);
    }

    /// A file that cannot be read says nothing of its head; whoever reads it next has it opened again.
    fn announce_what_is_there(&self) {
        if let Ok(head) = self.file.with(|database| View::of(database)?.head()) {
            self.announce(head);
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<String>().map_or("unknown", String::as_str)
}
