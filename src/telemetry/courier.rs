//! Carries spans to the collector with the HTTP client that the house has already.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::redirect::Policy;
use url::{Host, Url};

/// Octets of an answer; a collector has little to say.
const ANSWER: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub struct Courier(reqwest::Client);

impl Courier {
    /// To that collector. `patience` is for a whole request.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(collector: &Url, patience: Duration) -> reqwest::Result<Self> {
        let mut client = reqwest::Client::builder()
            .timeout(patience)
            .redirect(Policy::none())
            .user_agent("vestibule");
        let is_here = match collector.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if is_here {
            // A proxy for the world would look for it on its own machine.
            client = client.no_proxy();
        }
        client.build().map(Self)
    }
}

#[async_trait]
impl HttpClient for Courier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self.0.post(parts.uri.to_string()).headers(parts.headers);
        let mut response = request.body(body).send().await?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            answer.extend_from_slice(&chunk);
            if answer.len() > ANSWER {
                return Err("an answer of more than 64 KiB".into());
            }
        }
        let mut answer = Response::new(Bytes::from(answer));
        *answer.status_mut() = response.status();
        Ok(answer)
    }
}
