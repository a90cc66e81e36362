//! The real executable against a stub upstream. Each module opens with what it shows.

mod admin;
mod browsers;
mod command_line;
mod configuration;
mod demo;
mod doctor;
mod downstream;
mod draining;
mod faults;
mod forward_proxy;
mod golden;
mod harness;
mod health;
mod hostile;
mod kills;
mod logging;
mod metrics;
mod middleboxes;
mod pool;
mod prose;
mod reload;
mod sdk;
mod serving;
mod snapshot;
mod state_directory;
mod warm;
