//! The demonstration: two sample environments that are built in. Knows nothing of how they are served.

use std::net::{Ipv4Addr, TcpListener};

use supervisor::{KeyPair, ServerSideKey};

/// Where the demonstration listens when that port is free.
const PORT: u16 = 8000;

const PRODUCTION: &str = include_str!("production.json");
const STAGING: &str = include_str!("staging.json");

/// The sample environments.
pub(crate) struct Demo {
    /// Their keys.
    pub(crate) environments: Vec<KeyPair>,
    /// Their documents, in the same order.
    pub(crate) documents: Vec<Vec<u8>>,
    /// The port to listen on, free a moment ago.
    pub(crate) port: u16,
}

impl Demo {
    /// The address that the demonstration listens on: a container's port can be published, too.
    pub(crate) const HOST: &str = "0.0.0.0";

    pub(crate) fn new() -> std::io::Result<Demo> {
        let pair = |name: &str| KeyPair {
            server_side_key: ServerSideKey::new(format!("ser.demo_{name}")),
            client_side_key: format!("demo_{name}"),
        };
        let free = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))?;
        Ok(Demo {
            environments: vec![pair("production"), pair("staging")],
            documents: vec![PRODUCTION.into(), STAGING.into()],
            port: free.local_addr()?.port(),
        })
    }

    /// What to try, for the terminal. These server-side keys open nothing but the samples, so they may be shown.
    pub(crate) fn welcome(&self) -> String {
        let url = format!("http://127.0.0.1:{}/api/v1/", self.port);
        format!(
            r#"
Edge Proxy demonstration: two sample environments, nothing leaves this machine.

  URL for SDKs       {url}
  client-side keys   demo_production, demo_staging
  server-side keys   ser.demo_production, ser.demo_staging

Try:
  curl -H 'X-Environment-Key: demo_production' '{url}flags/'
  curl -H 'X-Environment-Key: demo_production' -H 'Content-Type: application/json' -d '{{"identifier":"alice","traits":[{{"trait_key":"plan","trait_value":"premium"}}]}}' '{url}identities/'

The customer "alice" has identity overrides, the trait "plan" puts her in a segment, "button_colour" is
split between all customers, and "fraud_threshold" is for server-side keys only. Ctrl-C stops it.
"#
        )
    }
}
