//! Starts the real executable for a test, and clients that send it requests.

mod client;
mod clients;
pub(crate) mod exchange;
mod follower;
mod forward;
pub(crate) mod load;
mod program;
mod proxy;
mod relay;
mod script;
pub(crate) mod slots;
mod start;
mod tls;
mod volume;

pub(crate) use client::{Connection, Response};
pub(crate) use clients::{Clients, Expect};
pub(crate) use follower::Follower;
pub(crate) use forward::Forward;
pub(crate) use program::{executable, run};
pub(crate) use proxy::{Proxy, accepts};
pub(crate) use relay::Relay;
pub(crate) use script::Script;
pub(crate) use start::Start;
pub(crate) use tls::{Manner, TlsFront, in_a_week};
pub(crate) use volume::Volume;
