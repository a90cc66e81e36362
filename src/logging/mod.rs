//! The log: lines on stderr, from any thread of this process, none of which waits for whoever reads them.
//!
//! | file | what it is |
//! |---|---|
//! | `filter` | which lines are logged |
//! | `format` | how a line is written: as text, or as JSON |
//! | `escape` | texts of clients, made harmless |
//! | `queue` | lines on their way to stderr |

mod escape;
mod filter;
mod format;
mod queue;

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::Duration;

use contract::Logging;
use env_logger::{Builder, Logger, Target};
use log::{Log, Metadata, Record, error};

use format::Format;
use queue::Queue;

/// How long the end of the process waits for stderr to take the last lines. The supervisor kills a worker that is half
/// a second late.
const END_TIMEOUT: Duration = Duration::from_millis(300);

static QUEUE: Queue = Queue::new();
static LOG: LazyLock<RwLock<Arc<Configured>>> =
    LazyLock::new(|| RwLock::new(Arc::new(Configured::new(&Logging::default(), None))));

/// The logger as it is configured now.
struct Configured {
    logger: Logger,
    format: Arc<Format>,
}

/// Starts logging with the default settings. To be called once.
pub(crate) fn start() {
    struct Current;
    impl Log for Current {
        fn enabled(&self, metadata: &Metadata) -> bool {
            current().logger.enabled(metadata)
        }

        fn log(&self, record: &Record) {
            current().logger.log(record);
        }

        fn flush(&self) {}
    }
    // It fails if there is a logger already.
    let _ = log::set_logger(&Current);
    log::set_max_level(current().logger.filter());
    panic::set_hook(Box::new(log_panic));
}

/// Logs as these settings say from now on, in all threads. `worker` is the slot, if this process is a worker.
pub(crate) fn configure(settings: &Logging, worker: Option<usize>) {
    let configured = Configured::new(settings, worker);
    let max_level = configured.logger.filter();
    *LOG.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(configured);
    log::set_max_level(max_level);
}

/// Logs why the process ends, whatever the level.
pub(crate) fn end_with(reason: &str) {
    let mut line = Vec::new();
    let written = current().format.write_last_words(&mut line, reason);
    if written.is_ok() {
        QUEUE.push(&line);
    }
}

/// Waits for the last lines to be written, but not for long.
pub(crate) fn finish() {
    QUEUE.end(END_TIMEOUT);
}

fn current() -> Arc<Configured> {
    Arc::clone(&LOG.read().unwrap_or_else(PoisonError::into_inner))
}

impl Configured {
    fn new(settings: &Logging, worker: Option<usize>) -> Self {
        let format = Arc::new(Format::new(settings, worker));
        let mut builder = Builder::new();
        filter::apply(&mut builder, settings);
        let formatting = Arc::clone(&format);
        builder
            .format(move |buffer, record| formatting.write(buffer, record))
            .target(Target::Pipe(Box::new(Lines)));
        Self {
            logger: builder.build(),
            format,
        }
    }
}

/// Where `env_logger` writes: one line at a time.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        QUEUE.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Without this, a panic would be written past the log, and wait for stderr.
fn log_panic(panic: &PanicHookInfo) {
    let text = panic.payload_as_str().unwrap_or("without words");
    match panic.location() {
        Some(location) => error!("panicked at {location}: {text}"),
        None => error!("panicked: {text}"),
    }
}
