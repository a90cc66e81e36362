//! `edge-proxy`: serves the environments of the configuration, as the supervisor.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use contract::with_causes;
use log::{info, warn};

use super::{compile, worker};
use crate::config::{self, Config};
use crate::error::Error;
use crate::logging;

/// Serves until TERM or INT has come and the workers have drained. HUP reads the configuration again.
pub(crate) fn run(path: Option<PathBuf>) -> Result<(), Error> {
    let path = config::path(path);
    let config = Config::load(&path)?;
    logging::configure(&config.worker.logging, None);
    let settings = settings(config)?;
    if let supervisor::Source::Upstream(upstream) = &settings.source
        && upstream.way != supervisor::Way::Straight
    {
        info!("the way to upstream is {}", upstream.way);
    }
    // A reload that is refused changes nothing, the log included.
    let next_logging = Rc::new(RefCell::default());
    let reload = supervisor::Reload {
        name: path.to_string(),
        read: Box::new({
            let next_logging = Rc::clone(&next_logging);
            move || {
                let read = Config::load(&path).map_err(Error::from).and_then(|config| {
                    next_logging.replace(config.worker.logging.clone());
                    self::settings(config)
                });
                read.map_err(|error| with_causes(&error))
            }
        }),
        applied: Box::new(move || logging::configure(&next_logging.borrow(), None)),
    };
    Ok(supervisor::run(settings, Some(reload))?)
}

/// What the configuration says to the supervisor.
pub(super) fn settings(config: Config) -> Result<supervisor::Settings, Error> {
    let workers = config::workers()?;
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let directory = config.directory();
    let shutdown_timeout = config.worker.limits.shutdown_timeout;
    let options = config.supervisor;
    let (public, admin) = (options.public(), options.admin());
    let user_agent = options.user_agent();
    let (fetch_rules, compile_options) = (options.fetch_rules(), options.compile_options());
    let upstream = |url: supervisor::ApiUrl| -> Result<_, Error> {
        Ok(supervisor::UpstreamSettings {
            way: supervisor::Way::to(&url, config::variable)?,
            api_url: url,
            poll_timeout: options.api_poll_timeout,
            max_document_bytes: options.api_max_document_bytes,
            user_agent: user_agent.clone(),
            proxy_key: None,
        })
    };
    let has_proxy_key = options.proxy_key.is_some();
    let source = match options.environment_documents {
        Some(place) => supervisor::Source::Files(supervisor::FileSettings {
            place,
            max_document_bytes: options.api_max_document_bytes,
        }),
        None => supervisor::Source::Upstream(supervisor::UpstreamSettings {
            proxy_key: options.proxy_key,
            ..upstream(options.api_url)?
        }),
    };
    let forward = supervisor::ForwardSettings {
        frequency: options.journal.frequency,
        max_bytes: options.journal.max_bytes as u64,
        events: options.events_url.map(&upstream).transpose()?,
    };
    // Without an upstream, nothing is forwarded or followed.
    let has_upstream = matches!(source, supervisor::Source::Upstream(_));
    let realtime = options.realtime.url.filter(|_| has_upstream);
    let realtime = realtime.map(&upstream).transpose()?;
    let realtime = realtime.map(|upstream| supervisor::RealtimeSettings {
        upstream,
        poll_frequency: options.realtime.poll_frequency,
        fetch_spread: options.realtime.fetch_spread,
    });
    let accepts_events = has_upstream && forward.events.is_some();
    let reports_usage = has_upstream && has_proxy_key;
    Ok(supervisor::Settings {
        environments: config.environment_key_pairs,
        source,
        forward,
        api_poll_frequency: options.api_poll_frequency,
        realtime,
        fetch_rules,
        compile_options,
        grace_period: options.health_check.environment_update_grace_period,
        ready_when: options.health_check.ready_when,
        directory,
        public,
        admin,
        workers,
        shutdown_delay: options.server.shutdown_delay,
        shutdown_timeout,
        worker: worker::command(worker::Given {
            admin_token: options.admin.token,
            sse_authentication_token: options.sse_authentication_token,
            accepts_events,
            reports_usage,
            settings: config.worker,
        }),
        compile: compile::command,
    })
}
