//! The HTTP server between a connection and the service that answers.

use std::convert::Infallible;
use std::future::ready;
use std::io;

use actix_http::h1::{H1ServiceHandler, UpgradeHandler};
use actix_http::{HttpService, KeepAlive};
use actix_web::dev::{ServiceFactory, fn_factory};
use contract::Limits;

use super::expect_continue::ExpectContinue;
use super::service::RequestService;
use crate::connections::stream::Connection;
use crate::error::Error;
use crate::http::response::Body;

/// How many bytes of answers HTTP collects before it sends them. A connection whose client does not read may hold as
/// many, and another answer.
const WRITE_BUFFER: usize = 8 * 1024;

/// Speaks HTTP on a connection.
pub(super) type Http =
    H1ServiceHandler<Connection, RequestService, Body, ExpectContinue, UpgradeHandler>;

pub(super) async fn http(service: RequestService, limits: Limits) -> Result<Http, Error> {
    let asked = service.clone();
    let factory = HttpService::build()
        // `connections` times silence for all connections together. A timer for each request would cost more than its
        // answer.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(limits.header_timeout)
        // How long to read from a client that was refused while it was sending, so that it gets to read the refusal.
        .client_disconnect_timeout(limits.body_timeout)
        .h1_write_buffer_size(WRITE_BUFFER)
        .expect(fn_factory(move || {
            ready(Ok::<_, Infallible>(ExpectContinue(asked.clone())))
        }))
        .on_connect_ext(|connection: &Connection, extensions| {
            extensions.insert(connection.outlet());
            extensions.insert(connection.activity());
        })
        .h1(fn_factory(move || {
            ready(Ok::<_, Infallible>(service.clone()))
        }));
    // No part of the factory can fail.
    factory
        .new_service(())
        .await
        .map_err(|()| Error::Serve(io::ErrorKind::Other.into()))
}
