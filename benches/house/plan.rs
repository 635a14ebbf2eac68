//! What to measure, and for how long.

use std::time::Duration;

const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Whether attempts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    On,
    Off,
}

impl Limits {
    /// The value of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

pub struct Plan {
    /// Of each scenario.
    pub length: Duration,
    pub limits: Limits,
    only: Vec<String>,
}

impl Plan {
    pub fn read() -> Self {
        let text = |name| std::env::var(name).unwrap_or_default();
        let seconds: f64 = text("VESTIBULE_BENCH_SECONDS").parse().unwrap_or(5.0);
        Self {
            length: Duration::from_secs_f64(seconds.clamp(0.5, 600.0)),
            limits: match text("VESTIBULE_BENCH_LIMITS").as_str() {
                "" | "off" => Limits::Off,
                "on" => Limits::On,
                other => panic!("VESTIBULE_BENCH_LIMITS: {other} is neither `on` nor `off`"),
            },
            only: text("VESTIBULE_BENCH_ONLY")
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
        }
    }

    pub fn covers_database(&self, name: &str) -> bool {
        self.names(name) || !DATABASES.into_iter().any(|name| self.names(name))
    }

    /// Whether it was asked for by its name.
    pub fn names(&self, name: &str) -> bool {
        self.only.iter().any(|only| only == name)
    }

    pub fn covers(&self, scenario: &str) -> bool {
        let mut scenarios = self
            .only
            .iter()
            .filter(|only| !DATABASES.contains(&only.as_str()))
            .peekable();
        scenarios.peek().is_none() || scenarios.any(|only| only == scenario)
    }
}
