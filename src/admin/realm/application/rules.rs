//! The settings of an application as an administrator gives them: checked, and put into the row.

use entity::StringList;
use entity::application::Model;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::error::Issue;
use crate::realm::{claim, role};
use crate::value::{self, Issues};

/// Entries of a list.
const MOST: usize = 100;
/// Of a redirect address; longer ones are refused where they are used, too.
const OCTETS: usize = 2_000;
/// Schemes of what a browser runs, or finds in itself: no ticket goes there.
const NO_PLACES: [&str; 5] = ["javascript", "data", "vbscript", "file", "blob"];
/// Seconds: a minute to a day.
const ACCESS: (i32, i32) = (60, 86_400);
/// Seconds: five minutes to 90 days.
const REFRESH: (i32, i32) = (300, 90 * 86_400);

/// What is given, by whichever mutation; the rest stays as it is.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    pub name: Option<String>,
    pub allowed_redirect_urls: Option<Vec<String>>,
    pub allowed_origins: Option<Vec<String>>,
    pub roles: Option<Vec<String>>,
    pub sign_up_roles: Option<Vec<String>>,
    pub default_role: Option<String>,
    pub allowed_custom_claims: Option<Vec<String>>,
    pub allowed_template_options: Option<Vec<String>>,
    pub password_in_reset_request_allowed: Option<bool>,
    pub access_token_ttl: Option<i32>,
    pub refresh_token_ttl: Option<i32>,
}

impl Rules {
    /// What the audit trail tells of them: what was given, and nothing of what was left out.
    pub fn details(&self) -> Value {
        let mut details = json!(self);
        if let Some(given) = details.as_object_mut() {
            given.retain(|_, value| !value.is_null());
        }
        details
    }

    /// Puts the settings into the row; what is wrong is noted.
    pub fn apply(self, row: &mut Model, issues: &mut Issues) {
        if let Some(name) = &self.name {
            match issues.take(value::text("name", Some(name), 100)) {
                Some(Some(name)) => row.name = name,
                Some(None) => issues.push(Issue::new("name", "required", "A name is required.")),
                None => {}
            }
        }
        if let Some(urls) = self.allowed_redirect_urls {
            check_list("allowedRedirectUrls", &urls, "format", is_redirect, issues);
            row.allowed_redirect_urls = StringList(urls);
        }
        if let Some(origins) = self.allowed_origins {
            let known = |entry: &str| origin(entry).is_some();
            check_list("allowedOrigins", &origins, "format", known, issues);
            let mut origins: Vec<String> = origins.iter().filter_map(|own| origin(own)).collect();
            origins.sort_unstable();
            origins.dedup();
            row.allowed_origins = StringList(origins);
        }
        if let Some(names) = self.allowed_custom_claims {
            let path = "allowedCustomClaims";
            check_list(path, &names, "not_allowed", claim::is_free, issues);
            row.allowed_custom_claims = StringList(names);
        }
        if let Some(names) = self.allowed_template_options {
            check_list("allowedTemplateOptions", &names, "format", is_name, issues);
            row.allowed_template_options = StringList(names);
        }
        if let Some(allowed) = self.password_in_reset_request_allowed {
            row.password_in_reset_request_allowed = allowed;
        }
        if let Some(ttl) = self.access_token_ttl {
            row.access_token_ttl = seconds("accessTokenTtl", ttl, ACCESS, issues);
        }
        if let Some(ttl) = self.refresh_token_ttl {
            row.refresh_token_ttl = seconds("refreshTokenTtl", ttl, REFRESH, issues);
        }
        if let Some(roles) = self.roles {
            role::check_names("roles", &roles, issues);
            row.roles = StringList(roles);
        }
        row.sign_up_roles.0 = self.sign_up_roles.unwrap_or(row.sign_up_roles.0.clone());
        row.default_role = self.default_role.unwrap_or(row.default_role.clone());
        check_sign_up(row, issues);
    }
}

/// Compared as a whole, because a change of one of the three may leave another one outside.
fn check_sign_up(row: &Model, issues: &mut Issues) {
    let sign_up_roles = &row.sign_up_roles.0;
    if sign_up_roles.iter().any(|role| !row.roles.0.contains(role)) {
        issues.push(Issue::new(
            "signUpRoles",
            "not_allowed",
            "Every role must be one of `roles`.",
        ));
    }
    if !sign_up_roles.contains(&row.default_role) {
        issues.push(Issue::new(
            "defaultRole",
            "not_allowed",
            "It must be one of `signUpRoles`.",
        ));
    }
}

fn seconds(path: &'static str, given: i32, (least, most): (i32, i32), issues: &mut Issues) -> i32 {
    if !(least..=most).contains(&given) {
        issues.push(Issue::new(
            path,
            "not_allowed",
            format!("{least} to {most} seconds."),
        ));
    }
    given
}

fn check_list(
    path: &'static str,
    items: &[String],
    rule: &'static str,
    is_good: impl Fn(&str) -> bool,
    issues: &mut Issues,
) {
    if items.len() > MOST {
        issues.push(Issue::new(path, "too_many", format!("At most {MOST}.")));
        return;
    }
    for (number, item) in items.iter().enumerate().filter(|(_, item)| !is_good(item)) {
        let shown: String = item.chars().filter(|c| !c.is_control()).take(60).collect();
        issues.push(Issue::new(
            format!("{path}.{number}"),
            rule,
            format!("`{shown}` is not acceptable here."),
        ));
    }
}

/// `scheme://host[:port][/path]`, of the web or of an application on a telephone: what is listed is all that is compared, so
/// that nothing may stand there which would be passed over. What browsers leave out or read as something else is refused,
/// instead of listing an address that was not meant.
fn is_redirect(entry: &str) -> bool {
    let Some((scheme, _)) = entry.split_once("://") else {
        return false;
    };
    let unseen = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    let name = entry.replacen("://*.", "://", 1);
    if entry.len() > OCTETS || entry.contains(unseen) || name.contains('*') {
        return false;
    }
    Url::parse(&name).is_ok_and(|url| {
        url.has_host()
            && url.scheme().eq_ignore_ascii_case(scheme)
            && !NO_PLACES.contains(&url.scheme())
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && has_no_star(&url)
    })
}

/// Asked of what was parsed: other scripts write a star too, and it becomes ours on the way into a host (UTS 46
/// section 4).
fn has_no_star(url: &Url) -> bool {
    url.host_str().is_none_or(|host| !host.contains('*'))
}

/// `scheme://host[:port]` as a browser would write it (RFC 6454 section 6.2, the ASCII form): a host in another case or
/// script and a port that goes without saying make no difference later.
fn origin(entry: &str) -> Option<String> {
    let (_, authority) = entry.split_once("://")?;
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let more = |c: char| "/\\?#@*".contains(c);
    if authority.is_empty()
        || authority.contains(more)
        || entry.contains(blank)
        || entry.len() > 300
    {
        return None;
    }
    let url = Url::parse(entry).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host() && has_no_star(&url))
        .then(|| url.origin().ascii_serialization())
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_redirect, origin};

    #[test]
    fn a_star_of_another_script_stands_for_nothing_in_a_redirect() {
        assert!(is_redirect("https://*.example.org/in"));
        for star in ["\u{ff0a}", "\u{fe61}"] {
            assert!(!is_redirect(&format!("https://{star}.example.org/in")));
            assert!(!is_redirect(&format!("https://*.{star}.example.org/in")));
        }
    }

    #[test]
    fn what_could_be_taken_for_another_address_is_no_redirect() {
        for entry in [
            "https://example.org",
            "https://b\u{fc}cher.example/in",
            "http://localhost:3000",
            "http://[::1]:3000/in",
            "com.example.app://callback",
            "com.example.app://callback/in",
            "myapp://done",
            &format!("https://example.org/{}", "x".repeat(1_980)),
        ] {
            assert!(is_redirect(entry), "{entry:?}");
        }
        for entry in [
            "https:example.org",
            "https:/example.org",
            "https:/x://example.org",
            "https://example.org/a b",
            "https://example.org/ ",
            " https://example.org",
            "https://example.org/\u{a0}",
            "https://example.org/\0",
            "https://exam\tple.org",
            "https://example.org\n",
            "https://example.org\u{85}",
            "https://example.org\\in",
            "https:\\\\example.org",
            "https://example.org/in?x=1",
            "https://example.org?",
            "https://example.org/#",
            "javascript://example.org/%0aalert(1)",
            "JavaScript://example.org",
            "data://text/html,x",
            "vbscript://example.org",
            "file://example.org/etc/passwd",
            "blob://example.org/x",
            &format!("https://example.org/{}", "x".repeat(1_981)),
        ] {
            assert!(!is_redirect(entry), "{entry:?}");
        }
    }

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (entry, kept) in [
            ("https://example.org", "https://example.org"),
            ("HTTPS://Example.ORG:443", "https://example.org"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:80", "http://localhost"),
            (
                "https://b\u{fc}cher.example:8443",
                "https://xn--bcher-kva.example:8443",
            ),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(origin(entry).as_deref(), Some(kept), "{entry}");
        }
    }

    #[test]
    fn what_a_browser_never_sends_is_no_origin() {
        for entry in [
            "",
            "null",
            "*",
            "https://*",
            "https://*.example.org",
            "https://\u{ff0a}.example.org",
            "https://example.org/",
            "https://example.org/path",
            "https://example.org?x",
            "https://example.org#x",
            "https://user@example.org",
            "https:example.org",
            "https://example.org\\",
            "https://exam ple.org",
            "https://example.org\n",
            " https://example.org",
            "https://",
            "https://example.org:70000",
            "ftp://example.org",
            "file://example.org",
            "chrome-extension://abc",
            "example.org",
            "javascript://x",
        ] {
            assert_eq!(origin(entry), None, "{entry:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_is_kept_as_it_is(entry in "https?://\\PC{1,20}") {
            if let Some(kept) = origin(&entry) {
                prop_assert!(kept.is_ascii());
                prop_assert_eq!(origin(&kept), Some(kept));
            }
        }
    }
}
