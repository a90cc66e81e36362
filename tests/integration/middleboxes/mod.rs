//! Programs that stand between SDKs and the proxy, or send what SDKs do not: a real nginx, Java's HTTP client.

mod java;
mod nginx;
