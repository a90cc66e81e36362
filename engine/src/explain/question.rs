//! What is to be explained.

use crate::request::IdentityRequest;
use crate::side::Side;

/// What is to be explained.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// Which kind of key would ask.
    pub side: Side,
    /// Whom flags are evaluated for; `None` for flags without an identity.
    pub identity: Option<IdentityRequest<'q>>,
    /// The feature to explain alone, with the flags that it depends on.
    pub feature: Option<&'q str>,
}

impl Question<'_> {
    pub(super) fn side_name(&self) -> &'static str {
        match self.side {
            Side::Client => "client",
            Side::Server => "server",
        }
    }
}
