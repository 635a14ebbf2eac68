//! Asks a service whether a password is known from a breach, without telling it the password: the service is sent five
//! characters of the SHA-1 and answers every known ending (k-anonymity, as Have I Been Pwned's range interface).

use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::redirect::Policy;
use url::Url;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// Octets of an answer; the largest ranges have some 60,000.
const ANSWER: usize = 512 * 1024;

/// A range service, or none.
#[derive(Clone, Debug, Default)]
pub struct Breaches(Option<(reqwest::Client, Url)>);

impl Breaches {
    /// `url` is the address before the five characters. Off where there is none.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: Option<&Url>, timeout: Duration) -> Result<Self> {
        let Some(url) = url else {
            return Ok(Self(None));
        };
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(Policy::none())
            .user_agent("vestibule")
            .build()
            .map_err(Error::internal)?;
        Ok(Self(Some((client, url.clone()))))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the password is known. A service that does not answer fails open: nobody is kept out by somebody else's
    /// outage; the log says so.
    pub async fn knows(&self, password: &Secret) -> bool {
        let Some((client, url)) = &self.0 else {
            return false;
        };
        let hash = digest::digest(
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            password.expose().as_bytes(),
        );
        let hex: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        let (range, ending) = hex.split_at(5);
        match ask(client, url, range).await {
            Ok(answer) => answer.lines().any(|line| is_listed(line, ending)),
            Err(error) => {
                tracing::warn!(
                    error,
                    "the breach service does not answer; the password is not checked against it"
                );
                false
            }
        }
    }
}

async fn ask(client: &reqwest::Client, url: &Url, range: &str) -> Result<String, String> {
    // The address of the request holds a part of the hash, so that the client's own messages are not shown.
    let address = format!("{}/{range}", url.as_str().trim_end_matches('/'));
    let request = client.get(address).header("Add-Padding", "true");
    let mut response = request
        .send()
        .await
        .map_err(|error| error.without_url().to_string())?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()));
    }
    let mut answer = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| error.without_url().to_string())?
    {
        answer.extend_from_slice(&chunk);
        if answer.len() > ANSWER {
            return Err("an answer of more than 512 KiB".to_owned());
        }
    }
    String::from_utf8(answer).map_err(|_| "an answer that is no text".to_owned())
}

/// `ENDING:COUNT`; padding has the count 0.
fn is_listed(line: &str, ending: &str) -> bool {
    line.trim()
        .split_once(':')
        .is_some_and(|(listed, count)| listed.eq_ignore_ascii_case(ending) && count.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::is_listed;

    #[test]
    fn padding_does_not_count() {
        let ending = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        assert!(is_listed(&format!("{ending}:3861493\r"), ending));
        assert!(!is_listed(&format!("{ending}:0"), ending));
        assert!(!is_listed("", ending));
    }
}
