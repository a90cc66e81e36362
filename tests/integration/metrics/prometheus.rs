//! A real Prometheus scrapes a real proxy: every query of the alert rules and of the dashboard has data, and the
//! documentation names every metric.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use testing::{Answer, Stub, document, eventually, file};

use super::scrape;
use crate::harness::{Proxy, Start};

/// A running Prometheus, which ends when it is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that scrapes a proxy five times in a second; `None` if it is not installed.
    fn start(proxy: &Proxy) -> Option<Prometheus> {
        let directory = tempfile::tempdir().expect("a directory");
        let config = json!({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{
                "job_name": "edge-proxy",
                "static_configs": [{"targets": [proxy.admin_address().to_string()]}],
            }],
        });
        let path = directory.path().join("prometheus.json");
        std::fs::write(&path, config.to_string()).expect("write the configuration");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Prometheus {
            child,
            address,
            _directory: directory,
        })
    }

    /// What a query finds, a line for each series.
    fn query(&self, query: &str) -> String {
        let output = Command::new("promtool")
            .args([
                "query",
                "instant",
                &format!("http://{}", self.address),
                query,
            ])
            .output()
            .expect("run promtool");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The queries of the alert rules, without the comparison that ends each of them.
fn alert_queries() -> Vec<String> {
    let rules = file("deploy/prometheus/alerts.yml");
    let mut queries = Vec::new();
    let mut lines = rules.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some(expression) = line.strip_prefix("expr: ") else {
            continue;
        };
        let mut expression = expression.trim_start_matches(">-").to_owned();
        while let Some(more) = lines.next_if(|more| !is_member(more)) {
            expression.push_str(&format!(" {more}"));
        }
        let (comparison, number) = expression.rsplit_once(' ').expect("a number");
        let (query, operator) = comparison.rsplit_once(' ').expect("a comparison");
        let compares = ["<", ">"].contains(&operator) && number.parse::<f64>().is_ok();
        assert!(compares, "{expression}");
        queries.push(query.to_owned());
    }
    assert_eq!(queries.len(), rules.matches("- alert:").count());
    queries
}

/// Whether a line of YAML begins another member of a rule.
fn is_member(line: &str) -> bool {
    ["for: ", "labels:", "annotations:"]
        .iter()
        .any(|name| line.starts_with(name))
}

/// The queries of the dashboard, with its variables replaced.
fn dashboard_queries() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&file("deploy/grafana/edge-proxy.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let queries = targets.map(|target| target["expr"].as_str().expect("a query"));
    let queries = queries.map(|query| {
        query
            .replace("$instance", ".*")
            .replace("$__rate_interval", "1m")
    });
    queries.collect()
}

#[test]
fn every_query_of_alerts_and_dashboard_has_data() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    upstream.set("revoked", Answer::status("401 Unauthorized", "{}"));
    let start = Start::new(&upstream, &["test", "revoked"])
        .workers(2)
        .admin();
    let proxy = start
        .set("health_check", json!({"ready_when": "any"}))
        .start();
    proxy.wait_until_ready();
    let Some(prometheus) = Prometheus::start(&proxy) else {
        testing::skip("prometheus is not installed");
        return;
    };
    let queries = [alert_queries(), dashboard_queries()].concat();
    assert!(queries.len() > 40, "{}", queries.len());
    for query in queries {
        eventually(&format!("data for {query}"), || {
            proxy.get("/api/v1/flags/", "test");
            !prometheus.query(&query).trim().is_empty()
        });
    }
}

#[test]
fn promtool_accepts_the_alert_rules() {
    let rules = testing::root().join("deploy/prometheus/alerts.yml");
    match Command::new("promtool")
        .args(["check", "rules"])
        .arg(rules)
        .output()
    {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) => testing::skip("promtool is not installed"),
    }
}

#[test]
fn the_documentation_names_every_metric_and_no_other() {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    upstream.set("revoked", Answer::status("401 Unauthorized", "{}"));
    let start = Start::new(&upstream, &["test", "revoked"]).admin();
    let proxy = start.start();
    let told = eventually("both environments are told of", || {
        let text = scrape(&proxy);
        let has = |name: &str| text.contains(&format!("edge_proxy_environment_{name}{{"));
        let is_told = has("failing") && has("age_seconds");
        is_told.then_some(text)
    });
    let metrics = told.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut metrics: Vec<&str> = metrics.filter_map(|line| line.split(' ').next()).collect();
    let documentation = file("docs/metrics.md");
    let rows = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("| `edge_proxy_"));
    let mut rows: Vec<String> = rows
        .filter_map(|row| Some(format!("edge_proxy_{}", row.split('`').next()?)))
        .collect();
    metrics.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, metrics);
}
