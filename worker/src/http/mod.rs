//! HTTP messages: reading requests and making answers.

pub(crate) mod accept_encoding;
pub(crate) mod authorization;
pub(crate) mod buffers;
pub(crate) mod caching;
pub(crate) mod constant;
pub(crate) mod content_type;
pub(crate) mod cors;
pub(crate) mod environment_key;
pub(crate) mod refusal;
pub(crate) mod request_body;
pub(crate) mod response;
