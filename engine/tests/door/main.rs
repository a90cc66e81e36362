//! The engine at its own door: documents and requests in, answers out.

mod compressing;
mod core_api;
mod dependencies;
mod documents;
mod environment_segments;
mod explain;
mod fuzz;
mod generate;
mod golden;
mod obvious;
mod ofrep;
mod patterns;
mod pools;
mod properties;
mod proxy;
mod variants;
mod warnings;
