//! What the operator chooses for the supervisor in `config.json`. Other settings are those of the workers.

use std::path::PathBuf;
use std::time::Duration;

use contract::AdminToken;
use contract::settings::values;
use engine::CompileOptions;

use crate::poll::{ConditionalFetch, FetchRules};
use crate::pool::listener::{ANY_HOST, Address};

/// Where the admin listener is if nobody says otherwise. When somebody else is there, the proxy does without.
pub(crate) const DEFAULT_ADMIN_PORT: u16 = 8001;

contract::settings! {
    /// The settings of the supervisor.
    pub struct Options {
        /// Where to fetch documents.
        pub api_url: String = "https://edge.api.flagsmith.com/api/v1".to_owned(),
        /// Time from one fetch of an environment to the next.
        #[serde(rename = "api_poll_frequency_seconds", with = "values::positive_seconds")]
        pub api_poll_frequency: Duration = Duration::from_secs(10),
        /// The longest silence of upstream.
        #[serde(rename = "api_poll_timeout_seconds", with = "values::positive_seconds")]
        pub api_poll_timeout: Duration = Duration::from_secs(5),
        /// The largest document that is accepted, with all of its pages.
        #[serde(deserialize_with = "values::count")]
        pub api_max_document_bytes: usize = 256 << 20,
        /// The `User-Agent` of requests to upstream; `None` for the name and version of the proxy.
        #[serde(deserialize_with = "values::header_value")]
        pub api_user_agent: Option<String> = None,
        /// Whether fetches may be conditional.
        pub api_conditional_fetch: ConditionalFetch = ConditionalFetch::Auto,
        /// The longest time between two unconditional fetches of a document up to 1 MiB; `None` for any time.
        #[serde(rename = "api_whole_fetch_seconds", with = "values::seconds_or_never")]
        pub api_whole_fetch: Option<Duration> = Some(Duration::from_secs(60)),
        /// The section `server`.
        #[serde(deserialize_with = "values::section")]
        pub server: Listen = Listen::default(),
        /// The section `admin`.
        #[serde(deserialize_with = "values::section")]
        pub admin: Admin = Admin::default(),
        /// The section `health_check`.
        #[serde(deserialize_with = "values::section")]
        pub health_check: HealthCheck = HealthCheck::default(),
        /// The section `snapshot`.
        #[serde(deserialize_with = "values::section")]
        pub snapshot: Snapshot = Snapshot::default(),
        /// The section `flags`.
        #[serde(deserialize_with = "values::section")]
        pub flags: Flags = Flags::default(),
        /// The section `identities`.
        #[serde(deserialize_with = "values::section")]
        pub identities: Identities = Identities::default(),
    }

    /// What flags without an identity are.
    pub struct Flags {
        /// Segments apply to them that ask for nothing but the environment and flags.
        #[serde(deserialize_with = "values::boolean")]
        pub apply_environment_segments: bool = false,
    }

    /// What the flags of identities are.
    pub struct Identities {
        /// Flags have no members that the official proxy does not send.
        #[serde(deserialize_with = "values::boolean")]
        pub official_proxy_fields_only: bool = false,
    }

    /// Where to listen, and how to begin a drain.
    pub struct Listen {
        /// Address or name to listen on; `*` for all addresses, of IPv4 and of IPv6.
        #[serde(deserialize_with = "values::host")]
        pub host: String = ANY_HOST.to_owned(),
        /// Port to listen on; 0 picks a free one.
        #[serde(deserialize_with = "values::port")]
        pub port: u16 = 8000,
        /// How long readiness fails before accepting stops, so that load balancers notice.
        #[serde(rename = "shutdown_delay_seconds", with = "values::seconds")]
        pub shutdown_delay: Duration = Duration::ZERO,
    }

    /// The admin listener, for who runs the proxy.
    pub struct Admin {
        /// Address or name to listen on.
        #[serde(deserialize_with = "values::host")]
        pub host: String = "127.0.0.1".to_owned(),
        /// Port to listen on; 0 picks a free one, `None` turns the listener off.
        #[serde(deserialize_with = "values::port_or_off")]
        pub port: Option<u16> = Some(DEFAULT_ADMIN_PORT),
        /// Secret: what requests must carry as bearer token; `None` for nothing.
        #[serde(deserialize_with = "AdminToken::from_setting", skip_serializing)]
        pub token: Option<AdminToken> = None,
    }

    /// When the proxy is not ready.
    pub struct HealthCheck {
        /// How much older than the poll frequency a document may get; `None` for any age.
        #[serde(
            rename = "environment_update_grace_period_seconds",
            with = "values::seconds_or_never"
        )]
        pub environment_update_grace_period: Option<Duration> = Some(Duration::from_secs(30)),
    }

    /// Where snapshots are.
    pub struct Snapshot {
        /// The state directory; `None` for the default of the machine.
        #[serde(deserialize_with = "values::path")]
        pub directory: Option<PathBuf> = None,
    }
}

impl Options {
    /// Where to listen for SDKs.
    #[must_use]
    pub fn public(&self) -> Address {
        Address {
            host: self.server.host.clone(),
            port: self.server.port,
            settings: "server.host, server.port",
        }
    }

    /// Where to listen for who runs the proxy; `None` for nowhere.
    #[must_use]
    pub fn admin(&self) -> Option<Address> {
        Some(Address {
            host: self.admin.host.clone(),
            port: self.admin.port?,
            settings: "admin.host, admin.port",
        })
    }

    /// When fetches are conditional.
    #[must_use]
    pub fn fetch_rules(&self) -> FetchRules {
        FetchRules {
            conditional_fetch: self.api_conditional_fetch,
            whole_fetch: self.api_whole_fetch,
        }
    }

    /// What documents are compiled to.
    #[must_use]
    pub fn compile_options(&self) -> CompileOptions {
        CompileOptions {
            official_proxy_fields_only: self.identities.official_proxy_fields_only,
            apply_environment_segments: self.flags.apply_environment_segments,
        }
    }

    /// The `User-Agent` of requests to upstream.
    #[must_use]
    pub fn user_agent(&self) -> String {
        let default = concat!("flagsmith-edge-proxy/", env!("CARGO_PKG_VERSION"));
        self.api_user_agent
            .clone()
            .unwrap_or_else(|| default.to_owned())
    }
}
