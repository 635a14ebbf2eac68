//! `vestibule doctor`: what is amiss, and the mend.

use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use crate::clock::{Clock, Rng};
use crate::config::{Config, ConfigError};
use crate::doctor::{self, Finding, Level};

#[derive(Args)]
pub struct Doctor {
    /// Send a mail to this address; otherwise the mail server is only greeted
    #[arg(long, value_name = "ADDRESS")]
    send_to: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn doctor(config: Config, asked: &Doctor) -> Result<(), Failure> {
    let send_to = asked.send_to.as_deref();
    let findings = doctor::examine(&config, &Clock::system(), &Rng::system(), send_to).await;
    tell(&findings, asked)
}

/// Where the settings are refused, there is nothing else to look at.
pub fn refused(error: &ConfigError, asked: &Doctor) -> Result<(), Failure> {
    tell(&[doctor::refused(error)], asked)
}

/// Fails when there is a problem, so that a script can tell.
fn tell(findings: &[Finding], asked: &Doctor) -> Result<(), Failure> {
    if asked.json {
        println!("{}", Value::from_iter(findings.iter().map(as_json)));
    } else {
        findings.iter().for_each(show);
    }
    let problems = findings
        .iter()
        .filter(|finding| finding.level == Level::Problem);
    match problems.count() {
        0 => Ok(()),
        1 => Err("there is a problem".into()),
        many => Err(format!("there are {many} problems").into()),
    }
}

fn show(finding: &Finding) {
    let (level, area, said) = (finding.level.as_str(), finding.area, &finding.said);
    println!("{level:8} {area}: {said}");
    if let Some(mend) = &finding.mend {
        println!("         → {mend}");
    }
}

fn as_json(finding: &Finding) -> Value {
    json!({ "area": finding.area, "level": finding.level.as_str(), "said": finding.said, "mend": finding.mend })
}
