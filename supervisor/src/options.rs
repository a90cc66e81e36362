//! What the operator chooses for the supervisor in `config.json`. Other settings are those of the workers.

use std::path::PathBuf;
use std::time::Duration;

use contract::settings::{
    Boolean, Choice, Count, HeaderValue, Host, OneOf, OrDefault, OrNever, OrNone, Path, Port,
    PositiveSeconds, Seconds,
};
use contract::{ProxyKey, ReadyWhen, Token};
use engine::CompileOptions;

use crate::poll::{ConditionalFetch, FetchRules};
use crate::pool::listener::{ANY_HOST, Address};
use crate::source::api_url::ApiUrl;
use crate::source::files::DocumentPlace;

/// Where the admin listener is if nobody says otherwise. When somebody else is there, the proxy does without.
pub(crate) const DEFAULT_ADMIN_PORT: u16 = 8001;

contract::settings! {
    /// The settings of the supervisor.
    pub struct Options {
        /// Where to fetch documents, with or without a slash at the end.
        pub api_url: ApiUrl as ApiUrl = ApiUrl::default(),
        /// Environment documents in files, in place of `api_url`: a directory whose files `*.json` are read, or a list
        /// of files. They are read again when they change.
        pub environment_documents: Option<DocumentPlace> as OrNone<DocumentPlace> = None,
        /// Secret: a key that starts with `pk.`, by which upstream knows this proxy. It lists environments and keys,
        /// which are then served beside `environment_key_pairs`, and takes reports of usage.
        pub proxy_key: Option<ProxyKey> as OrNone<ProxyKey> = None,
        /// Time between two fetches of an environment, varied by a tenth.
        #[names("api_poll_frequency_seconds", "api_poll_frequency")]
        pub api_poll_frequency: Duration as PositiveSeconds = Duration::from_secs(10),
        /// How long upstream may be silent.
        #[names("api_poll_timeout_seconds", "api_poll_timeout")]
        pub api_poll_timeout: Duration as PositiveSeconds = Duration::from_secs(5),
        /// The longest document that is accepted, its pages together.
        pub api_max_document_bytes: usize as Count = 256 << 20,
        /// The `User-Agent` of requests to upstream. The default is `flagsmith-edge-proxy/` and the version.
        pub api_user_agent: Option<String> as OrDefault<HeaderValue> = None,
        /// Whether a fetch may be answered with 304: `auto` unless upstream was seen to answer so for documents that
        /// had changed.
        pub api_conditional_fetch: ConditionalFetch as OneOf<ConditionalFetch> = ConditionalFetch::Auto,
        /// How long a change that upstream answers 304 for may stay unseen: the longest time between two whole fetches
        /// of a document up to a MiB. Of larger ones at most every 20th fetch is whole for this.
        #[names("api_whole_fetch_seconds")]
        pub api_whole_fetch: Option<Duration> as OrNever<Seconds> = Some(Duration::from_secs(60)),
        /// Where to listen.
        pub server: Listen,
        /// The admin listener.
        pub admin: Admin,
        /// When the proxy is not ready.
        pub health_check: HealthCheck,
        /// Where snapshots are.
        pub snapshot: Snapshot,
        /// What flags without an identity are.
        pub flags: Flags,
        /// What the flags of identities are.
        pub identities: Identities,
        /// What OFREP answers are.
        pub ofrep: Ofrep,
        /// Where to forward events of experiments, for example `https://events.api.flagsmith.com`. Without it, they are
        /// answered with 404.
        pub events_url: Option<ApiUrl> as OrNone<ApiUrl> = None,
        /// What clients report, on its way upstream.
        pub journal: Journal,
        /// Realtime from upstream.
        pub realtime: RealtimeOptions,
        /// Secret: the token with which Flagsmith tells the proxy that a document has changed, which is fetched at once
        /// then. It is the one that Flagsmith has in `SSE_AUTHENTICATION_TOKEN`. Without it, nobody may.
        pub sse_authentication_token: Option<Token> as OrNone<Token> = None,
    }

    /// What clients report, on its way upstream.
    pub struct Journal {
        /// How long analytics, traits and events wait at most before they are on disk, from where they are forwarded.
        #[names("frequency_seconds")]
        pub frequency: Duration as PositiveSeconds = Duration::from_secs(5),
        /// The bytes on disk that may wait for upstream. Beyond them the oldest are dropped.
        pub max_bytes: usize as Count = 64 << 20,
    }

    /// Realtime from upstream.
    pub struct RealtimeOptions {
        /// Where upstream tells that documents have changed: `https://realtime.flagsmith.com`, or another proxy like
        /// this one. Without it, changes are seen by polling alone.
        pub url: Option<ApiUrl> as OrNone<ApiUrl> = None,
        /// Time between two fetches of an environment while its stream is connected, in place of
        /// `api_poll_frequency_seconds`.
        #[names("poll_frequency_seconds")]
        pub poll_frequency: Duration as PositiveSeconds = Duration::from_secs(60),
        /// A fetch that upstream's event asks for waits for a random part of this, so that many proxies do not fetch at
        /// the same moment.
        #[names("fetch_spread_seconds")]
        pub fetch_spread: Duration as Seconds = Duration::ZERO,
    }

    /// Where to listen, and how to begin a drain.
    pub struct Listen {
        /// Where to listen: an address, a name (on all of its addresses, all on one port), or `*`, which is all
        /// addresses of this machine, of IPv4 and of IPv6. `0.0.0.0` is IPv4 alone.
        pub host: String as Host = ANY_HOST.to_owned(),
        /// Port to listen on; `0` picks a free one.
        pub port: u16 as Port = 8000,
        /// How long readiness fails before accepting stops, for load balancers to notice.
        #[names("shutdown_delay_seconds")]
        pub shutdown_delay: Duration as Seconds = Duration::ZERO,
    }

    /// The admin listener, for who runs the proxy.
    pub struct Admin {
        /// Where the admin listener is, which is for you and not for SDKs.
        pub host: String as Host = "127.0.0.1".to_owned(),
        /// Its port; `0` picks a free one, and `null` turns it off. If 8001 is in use, the proxy warns and does
        /// without. If another port is in use, the proxy does not start.
        pub port: Option<u16> as OrNone<Port> = Some(DEFAULT_ADMIN_PORT),
        /// Secret: what requests to it must carry, as `Authorization: Bearer …`. Health needs no token.
        pub token: Option<Token> as OrNone<Token> = None,
    }

    /// When the proxy is not ready.
    pub struct HealthCheck {
        /// Readiness fails when the oldest successful fetch is older than one poll and this for every environment.
        #[names("environment_update_grace_period_seconds")]
        pub environment_update_grace_period: Option<Duration> as OrNever<Seconds> = Some(Duration::from_secs(30)),
        /// How many environments have to have a document that is not stale: `all` of them, as in the official proxy, or
        /// `any`, so that one revoked key among many does not take the proxy out of a load balancer.
        pub ready_when: ReadyWhen as OneOf<ReadyWhen> = ReadyWhen::All,
    }

    /// Where snapshots are.
    pub struct Snapshot {
        /// The state directory; the proxy does not start if it cannot be used. The default is the first that can be
        /// used of `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/edge-proxy` and `~/.local/state/edge-proxy`; then one of
        /// this proxy in `$RUNTIME_DIRECTORY`, `$TMPDIR`, `/tmp` or `/dev/shm`, with a warning.
        pub directory: Option<PathBuf> as OrDefault<Path> = None,
    }

    /// What flags without an identity are.
    pub struct Flags {
        /// Whether segments apply to `/api/v1/flags/` all of whose conditions are on the environment or on flags
        /// (`$.environment…`, `$.flags…`).
        pub apply_environment_segments: bool as Boolean = false,
    }

    /// What the flags of identities are.
    pub struct Identities {
        /// Whether flags of identities lack `variant` and `metadata`, as the official proxy's do.
        pub official_proxy_fields_only: bool as Boolean = false,
    }

    /// What OFREP answers are.
    pub struct Ofrep {
        /// What an OFREP answer says of the value of a disabled feature: nothing, so that the default in the client's
        /// code counts (`code_default`), or the feature's value (`value`). Its reason is `DISABLED` in either case.
        pub disabled: ValueOfDisabled as OneOf<ValueOfDisabled> = ValueOfDisabled::CodeDefault,
    }
}

/// What an OFREP answer says of the value of a disabled feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueOfDisabled {
    /// Nothing.
    CodeDefault,
    /// The value that the feature has.
    Value,
}

impl Choice for ValueOfDisabled {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("code_default", Self::CodeDefault), ("value", Self::Value)];
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
            ofrep_values_of_disabled: self.ofrep.disabled == ValueOfDisabled::Value,
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
