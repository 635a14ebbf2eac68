use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::signing_key;
use sea_orm::EntityTrait;
use vestibule::clock::Rng;
use vestibule::key::Sealer;

use super::node;
use crate::harness::{Backend, Server};

/// Foreign libraries verify our tokens, and theirs are taken or refused by what they say and who signed them.
async fn meets(algorithm: &str) {
    let settings = [("VESTIBULE_TOKEN_ALGORITHM", algorithm)];
    let server = Server::now_with(Backend::Sqlite, &settings).await;
    let ann = server.test.user("ann").await;
    let app = &server.test.app;
    let key = signing_key::Entity::find().one(app.db.read()).await;
    let key = key.expect("the keys").expect("a key");
    let sealer = Sealer::new(&app.config.master_key, Rng::system()).expect("a sealer");
    let der = sealer.open("signing key", &key.sealed_private_key);
    let der = STANDARD.encode(der.expect("the private key"));
    let arguments = [&server.base, &ann.access_token, &der];
    if let Some(said) = node("foreign.mjs", &arguments.map(String::as_str)).await {
        let last = "ok      jsonwebtoken: HS512 keyed with our JWK is refused";
        assert!(said.contains(last), "{said}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_libraries_and_we_agree_on_es256() {
    meets("ES256").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_libraries_and_we_agree_on_rs256() {
    meets("RS256").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_libraries_and_we_agree_on_eddsa() {
    meets("EdDSA").await;
}
