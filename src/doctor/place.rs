//! Where the house is reached, and where its mails lead back to.

use std::error::Error as _;
use std::time::Duration;

use entity::application::{self, Entity};
use reqwest::redirect::Policy;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::Value;
use url::Url;

use super::key::Kids;
use super::{Finding, Level};
use crate::config::Config;
use crate::db::Db;

const PATIENCE: Duration = Duration::from_secs(5);
/// Octets of a key set; a dozen keys of RSA have some 6,000.
const ANSWER: usize = 64 * 1024;

/// Asks the public address for the keys, as whoever verifies our tokens does, and holds them against the database's.
pub async fn look_at_public_url(config: &Config, kids: Option<&Kids>) -> Finding {
    let (area, base) = ("public URL", config.issuer());
    let level = if config.is_development() {
        Level::Warning
    } else {
        Level::Problem
    };
    let published = match ask(&format!("{base}/.well-known/jwks.json")).await {
        Ok(published) => published,
        Err(cause) => {
            let mend = "start the server, and see that the proxy and the name lead to it; behind some firewalls a machine \
                        cannot reach its own public address";
            return Finding::amiss(
                area,
                level,
                format!("{base} does not answer: {cause}"),
                mend,
            );
        }
    };
    let keys = published["keys"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let theirs: Vec<_> = keys.iter().filter_map(|key| key["kid"].as_str()).collect();
    let is_there = |kid: &String| theirs.contains(&kid.as_str());
    let wrong = match kids {
        _ if theirs.is_empty() => "without a key",
        Some(ours) if !ours.published.iter().any(is_there) => "with keys of somebody else",
        Some(ours) if !is_there(&ours.signing) => "without the key that signs",
        _ => {
            return Finding::ok(area, format!("{base} answers with {} keys", theirs.len()));
        }
    };
    Finding::amiss(
        area,
        level,
        format!("{base} answers {wrong}"),
        "see that VESTIBULE_PUBLIC_URL, the proxy and VESTIBULE_DATABASE_URL mean the same house, and that nothing on the way \
         keeps old answers",
    )
}

async fn ask(address: &str) -> Result<Value, String> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(Policy::none())
        .user_agent("vestibule doctor")
        .build()
        .map_err(told)?;
    let mut response = client.get(address).send().await.map_err(told)?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            return Err("an answer that is far too long".to_owned());
        }
    }
    serde_json::from_slice(&body).map_err(|_| "an answer that is no key set".to_owned())
}

/// With its sources: by itself it says the same of a connection that is refused, an unknown name and a bad certificate.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    told
}

/// Mails lead to redirects with a ticket, and pages of listed origins hold refresh cookies.
pub async fn look_at_applications(config: &Config, db: &Db, findings: &mut Vec<Finding>) {
    let rows = Entity::find().order_by_asc(application::Column::ClientId);
    let rows = match rows.all(db.read()).await {
        Ok(rows) => rows,
        Err(error) => {
            let said = crate::error::Error::from(error).cause();
            findings.push(Finding::problem(
                "applications",
                said,
                "see the database above",
            ));
            return;
        }
    };
    let before = findings.len();
    for row in &rows {
        for (what, entries) in [
            ("redirect", &row.allowed_redirect_urls.0),
            ("origin", &row.allowed_origins.0),
        ] {
            findings.extend(
                entries
                    .iter()
                    .filter_map(|entry| judge(config, &row.client_id, what, entry)),
            );
        }
    }
    if findings.len() == before {
        let said = format!("{}: their redirects and origins are in order", rows.len());
        findings.push(Finding::ok("applications", said));
    }
}

fn judge(config: &Config, client_id: &str, what: &str, entry: &str) -> Option<Finding> {
    let area = "applications";
    let said = |problem: &str| format!("{client_id}: the {what} {entry} {problem}");
    let mend =
        || format!("`vestibule application update {client_id}` with the list as it should be");
    let Ok(url) = Url::parse(&entry.replacen("://*.", "://", 1)) else {
        return Some(Finding::problem(area, said("is no address"), mend()));
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if url.scheme() == "http" && !local {
        return Some(Finding::problem(
            area,
            said("has no TLS: whoever is on the way reads tickets and changes pages"),
            mend(),
        ));
    }
    if entry.contains("://*.") {
        return Some(Finding::warning(
            area,
            said("lets in every subdomain, also one that is given to somebody else"),
            mend(),
        ));
    }
    (local && !config.is_development())
        .then(|| Finding::warning(area, said("leads to the machine of whoever clicks"), mend()))
}
