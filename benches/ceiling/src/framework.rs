//! The ceiling: an ordinary actix-web application that answers the proxy's paths with bytes that it read from files at
//! its start. It parses the body of an identities request and of a report, evaluates nothing and keeps nothing.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::io;
use std::net::TcpListener;

use actix_web::http::header::ContentType;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use serde::Deserialize;

/// The body of an identities request.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed for what that costs, and not used")]
struct Identity {
    identifier: String,
    #[serde(default)]
    traits: Vec<Trait>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed for what that costs, and not used")]
struct Trait {
    trait_key: String,
    trait_value: TraitValue,
    transient: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "parsed for what that costs, and not used")]
enum TraitValue {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Null(()),
}

#[derive(Clone)]
struct Answers {
    flags: Bytes,
    document: Bytes,
    identities: Bytes,
}

/// Serves the bodies in these files until SIGTERM.
pub(crate) fn serve(
    listener: TcpListener,
    flags: &str,
    document: &str,
    identities: &str,
) -> io::Result<()> {
    let answers = Answers {
        flags: fs::read(flags)?.into(),
        document: fs::read(document)?.into(),
        identities: fs::read(identities)?.into(),
    };
    actix_rt::System::new().block_on(async {
        let application = move || {
            App::new()
                .app_data(web::Data::new(answers.clone()))
                .route("/api/v1/flags/", web::get().to(flags_answer))
                .route(
                    "/api/v1/environment-document/",
                    web::get().to(document_answer),
                )
                .route("/api/v1/identities/", web::post().to(identities_answer))
                .route("/api/v1/analytics/flags/", web::post().to(counts_answer))
        };
        HttpServer::new(application)
            .workers(1)
            .tcp_nodelay(true)
            .shutdown_timeout(1)
            .listen(listener)?
            .run()
            .await
    })
}

async fn flags_answer(answers: web::Data<Answers>) -> HttpResponse {
    json(&answers.flags)
}

async fn document_answer(answers: web::Data<Answers>) -> HttpResponse {
    json(&answers.document)
}

async fn identities_answer(
    identity: web::Json<Identity>,
    answers: web::Data<Answers>,
) -> HttpResponse {
    black_box(&*identity);
    json(&answers.identities)
}

async fn counts_answer(counts: web::Json<HashMap<String, u64>>) -> HttpResponse {
    black_box(&*counts);
    HttpResponse::Ok().finish()
}

fn json(bytes: &Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(bytes.clone())
}
