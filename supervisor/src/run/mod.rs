//! The life of a supervisor: the start, the main loop, the end.

mod changes;
mod first_list;
mod listeners;
mod reload;

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use log::info;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use crate::environments::{Roster, capacity};
use crate::error::Error;
use crate::forward::Forwarding;
use crate::notice::{Notice, Notices};
use crate::poll::Poller;
use crate::pool::listener::{SlotListeners, urls};
use crate::pool::{Pool, Times, Workplace};
use crate::publish::{self, Compiler};
use crate::settings::Settings;
use crate::source::realtime::Realtime;
use crate::source::{Documents, Source};
use crate::words::Seconds;
use contract::{BoardWords, KeyPair, Knocker, board_shape, counted};
use reload::Reloader;

pub use reload::Reload;

/// Serves until TERM or INT has come and the workers have drained. HUP reads the settings again by `reload`.
///
/// The kernel ends workers with the thread that started them, so the calling thread must live as long as the process.
///
/// # Errors
///
/// The proxy cannot start or go on. Workers have drained when that is returned.
pub fn run(mut settings: Settings, reload: Option<Reload>) -> Result<(), Error> {
    let notices = Notices::of_signals().map_err(Error::Signals)?;
    // With a handler, a file that exceeds the limit of its size is an error like a full disk, and does not end us.
    flag::register(SIGXFSZ, Arc::default()).map_err(Error::Signals)?;
    let source = settings.source.open()?;
    let listed = first_list::of(&settings.source, &source);
    let environments = |settings: &Settings, listed: &[KeyPair]| {
        let configured = &settings.environments;
        settings.source.environments(configured, listed)
    };
    let known = environments(&settings, listed.as_deref().unwrap_or_default()).len();
    let realtime = settings.realtime.as_ref().map(Realtime::new).transpose();
    let realtime = realtime.map_err(|error| Error::Source(error.into()))?;
    let sockets = listeners::open(&settings)?;
    let shape = board_shape(engine::FORMAT, capacity(known), settings.workers.get());
    let (publisher, directory) = settings.directory.open(shape)?;
    let listed = listed.unwrap_or_else(|reason| {
        first_list::of_earlier_run(&publisher, shape.rows - known, &reason)
    });
    let environments = environments(&settings, &listed);
    let documents = Documents::new(source, &environments)?;
    let (knocks, knocker) = Knocker::new().map_err(Error::Knocks)?;
    let workplace = Workplace {
        directory,
        knocker: Rc::new(knocker),
    };
    settings.worker = settings.worker.at(&workplace);
    let directory = &workplace.directory;
    let board = publisher.share_board();
    board.proxy().set_started(SystemTime::now());
    let forwarding = Forwarding::start(
        directory,
        Arc::clone(&board),
        &settings.source,
        &settings.forward,
    )?;
    announce(&settings, &environments, directory, &sockets);
    let roster = Roster::new(environments.clone(), board.shape().rows);
    let index = roster.index(settings.readiness(environments.len()), &[]);
    let publication = publish::open(
        publisher,
        &index,
        settings.compile_options,
        settings.compile,
    )
    .map_err(Error::Publish)?;

    let times = Times::new(settings.shutdown_delay, settings.shutdown_timeout);
    let pool = Pool::new(
        settings.worker.clone(),
        sockets,
        Arc::clone(&board),
        forwarding.rings(),
        times,
    );
    let polling = Poller {
        environments,
        documents,
        poll_frequency: settings.api_poll_frequency,
        realtime,
        fetch_rules: settings.fetch_rules,
        compile_options: settings.compile_options,
        compiler: Compiler {
            compile: engine::compile_with,
            compress: engine::Environment::compress,
            command: settings.compile,
            publication: Arc::new(publication),
            notifier: notices.notifier(),
        },
        board,
        knocks,
    }
    .start()?;
    serve(
        pool,
        &notices,
        Reloader::new(
            reload, settings, listed, workplace, roster, polling, forwarding,
        ),
    )
}

/// The main loop, until the pool's shutdown is over.
fn serve(mut pool: Pool, notices: &Notices, mut reloader: Reloader) -> Result<(), Error> {
    let mut outcome = pool.start();
    let mut poller_ended = false;
    if outcome.is_err() {
        pool.drain();
    }
    while !pool.is_over() {
        let received = notices.wait(pool.due());
        if let Err(error) = pool.tend() {
            outcome = Err(error);
            pool.drain();
        }
        for notice in received {
            match notice {
                Notice::Stop => pool.stop(),
                Notice::Reload => reloader.request(),
                // `tend` has seen it.
                Notice::ChildExited => {}
                Notice::Published => pool.ring(),
                Notice::Listed(environments) => reloader.listed(environments),
                Notice::ChangeApplied(applied) if pool.is_serving() => {
                    reloader.change_applied(applied, &mut pool);
                }
                Notice::PollerEnded if pool.is_serving() => {
                    poller_ended = true;
                    pool.stop();
                }
                // Nothing is reloaded while the pool shuts down, and it does so only once.
                Notice::ChangeApplied(_) | Notice::PollerEnded => {}
            }
        }
        if pool.is_serving() {
            reloader.tend(&mut pool);
        }
    }
    let polling = reloader.finish();
    outcome?;
    if poller_ended {
        return Err(polling.reason().into());
    }
    // The poller is not waited for: it may be resolving a name, which can take half a minute.
    info!("stopped");
    Ok(())
}

/// Logs what is served, where the documents come from, and on how many workers.
fn announce(
    settings: &Settings,
    environments: &[KeyPair],
    directory: &Path,
    sockets: &[SlotListeners],
) {
    const NAMED: usize = 5;
    let names: Vec<_> = environments
        .iter()
        .take(NAMED)
        .map(|pair| pair.client_side_key.as_str())
        .collect();
    let names = match environments.len().saturating_sub(NAMED) {
        0 if names.is_empty() => "none is listed so far".to_owned(),
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    };
    info!(
        environments = environments.len();
        "serving {}: {names}",
        counted(environments.len(), "environment")
    );
    match &settings.source {
        Source::Upstream(upstream) => info!(
            "polling {} every {}, publishing in {}",
            upstream.api_url,
            Seconds(settings.api_poll_frequency),
            directory.display()
        ),
        Source::Files(files) => info!(
            "reading documents in {}, publishing in {}",
            files.place,
            directory.display()
        ),
    }
    if let Some(realtime) = &settings.realtime {
        info!(
            "realtime from {}, polling every {} meanwhile",
            realtime.upstream.api_url,
            Seconds(realtime.poll_frequency)
        );
    }
    if let Some(first) = sockets.first() {
        info!(
            workers = settings.workers.get();
            "listening on {} with {}",
            urls(&first.public),
            counted(settings.workers.get(), "worker")
        );
        if !first.admin.is_empty() {
            info!("{}", listeners::of_admin(&first.admin));
        }
    }
}

#[cfg(test)]
mod tests;
