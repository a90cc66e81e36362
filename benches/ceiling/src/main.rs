//! The ceiling of the load measurement: an ordinary actix-web application that answers the proxy's paths with bytes
//! read from files at its start. What it cannot do, no proxy on this framework can.
//!
//! Knows no environment, key or flag. `load` beside it starts it: `ceiling FLAGS DOCUMENT IDENTITIES`, three files.

use std::env;
use std::fs;
use std::hint::black_box;
use std::io;
use std::net::TcpListener;

use actix_web::http::header::ContentType;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use serde::Deserialize;

/// The body of a request for an identity, as anybody would read it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read and not evaluated")]
struct Identity {
    identifier: String,
    #[serde(default)]
    traits: Vec<Trait>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read and not evaluated")]
struct Trait {
    trait_key: String,
    trait_value: TraitValue,
    transient: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "read and not evaluated")]
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

fn main() -> io::Result<()> {
    let files: Vec<String> = env::args().skip(1).collect();
    let [flags, document, identities] = files.as_slice() else {
        return Err(io::Error::other("usage: ceiling FLAGS DOCUMENT IDENTITIES"));
    };
    let answers = Answers {
        flags: fs::read(flags)?.into(),
        document: fs::read(document)?.into(),
        identities: fs::read(identities)?.into(),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    eprintln!("listening on http://{}", listener.local_addr()?);
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

fn json(bytes: &Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(bytes.clone())
}
