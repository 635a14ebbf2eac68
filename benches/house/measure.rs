//! The scenarios, one after the other, on one database.

use std::path::Path;
use std::time::Duration;

use super::argon::{self, COST, Raw};
use super::growth;
use super::house::House;
use super::likeness;
use super::load::{self, Tally, Window};
use super::plan::{Limits, Plan};
use super::postgres::Postgres;
use super::process::{self, memory, peak_memory};
use super::report;
use super::visitor::{Errand, Visitor};

const CONNECTIONS: usize = 16;
const RUSHES: [usize; 2] = [200, 500];
/// Accounts that sign in, more than connections, so that few share one. In the largest rush four do: where limits count, so many
/// guesses at one account at once are taken without a wait.
const VISITORS: usize = 128;
const STARTS: usize = 10;
const WARM_UP: Duration = Duration::from_millis(500);
/// Each look at the raw rate; there is one before and one after what it is compared with.
const LOOK: Duration = Duration::from_secs(2);
/// Two who look at their account now and then, while others rush in.
const PROBES: usize = 2;
const PROBE_PAUSE: Duration = Duration::from_millis(20);

/// What one scenario cost.
pub struct Row {
    pub name: &'static str,
    pub connections: usize,
    pub seconds: f64,
    pub tally: Tally,
    pub server: Option<Duration>,
    pub database: Option<Duration>,
    /// What the cores can do alone, where the scenario hashes.
    pub raw: Option<Raw>,
}

/// What a rush of sign-ins did to the house.
pub struct Rush {
    pub connections: usize,
    pub seconds: f64,
    pub tally: Tally,
    pub probe: Tally,
    pub idle: f64,
    pub peak: f64,
    /// Base, permits and what else may be held.
    pub bound: f64,
    /// What the cores can do alone.
    pub raw: Raw,
}

struct Place<'a> {
    folder: &'a Path,
    postgres: Option<&'a Postgres>,
    limits: Limits,
    database: String,
}

impl Place<'_> {
    async fn open(&self) -> House {
        self.open_on(&self.database).await
    }

    async fn open_on(&self, database: &str) -> House {
        House::start(database, self.folder, self.limits).await
    }

    fn database_time(&self) -> Option<Duration> {
        process::time_of_tree(self.postgres?.pid?)
    }

    async fn empty(&self, name: &str) -> String {
        match self.postgres {
            Some(server) => server.create(name).await,
            None => format!("sqlite://{}", self.folder.join(name).display()),
        }
    }
}

/// Measures on PostgreSQL or, without, on SQLite, and prints what came out.
pub async fn on(plan: &Plan, folder: &Path, postgres: Option<&Postgres>) {
    let mut place = Place {
        folder,
        postgres,
        limits: plan.limits,
        database: String::new(),
    };
    place.database = place.empty("house").await;
    let house = place.open().await;
    house.require_verification(false).await;
    let mut visitors = Vec::new();
    for _ in 0..VISITORS {
        visitors.push(Visitor::arrive(house.address).await);
    }
    report::heading(if postgres.is_some() {
        "PostgreSQL"
    } else {
        "SQLite"
    });
    requests(plan, &place, &house, &visitors).await;
    house.stop().await;
    if plan.covers("rush") {
        let mut rushes = Vec::new();
        for connections in RUSHES {
            rushes.push(rush(plan, &place, &visitors, connections).await);
        }
        report::rushes(&rushes);
    }
    if plan.covers("start") {
        starts(&place).await;
    }
    if plan.covers("likeness") {
        let database = place.empty("likeness").await;
        report::likenesses(&likeness::on(&database, folder).await);
        if let Some(server) = postgres {
            server.remove(&database).await;
        }
    }
    if plan.names("growth") {
        let mut grown = Vec::new();
        for accounts in growth::SIZES {
            let database = place.empty(&format!("growth_{accounts}")).await;
            grown.push(growth::on(&database, folder, accounts).await);
            if let Some(server) = postgres {
                server.remove(&database).await;
            }
        }
        report::growths(&grown);
    }
    if let Some(server) = postgres {
        server.remove(&place.database).await;
    }
}

async fn requests(plan: &Plan, place: &Place<'_>, house: &House, visitors: &[Visitor]) {
    let errands = [
        ("sign-in", Errand::SignIn),
        ("sign-up", Errand::SignUp),
        ("typename", Errand::Typename),
        ("me", Errand::Me),
        ("refresh", Errand::Refresh),
    ];
    let mut rows = Vec::new();
    for (name, errand) in errands.into_iter().filter(|(name, _)| plan.covers(name)) {
        let hashes = matches!(errand, Errand::SignIn | Errand::SignUp);
        let before = match hashes {
            true => Some(argon::raw(argon::cores(), LOOK).await),
            false => None,
        };
        let mut row = scenario(plan, place, house, (name, errand), visitors).await;
        if let Some(before) = before {
            let after = argon::raw(argon::cores(), LOOK).await;
            row.raw = Some(before.mean(after));
        }
        rows.push(row);
    }
    report::requests(&rows);
}

async fn scenario(
    plan: &Plan,
    place: &Place<'_>,
    house: &House,
    (name, errand): (&'static str, Errand),
    visitors: &[Visitor],
) -> Row {
    let window = Window::after(WARM_UP, plan.length);
    let costs = || (process::time_of(house.pid()), place.database_time());
    let watch = async {
        tokio::time::sleep_until(window.from).await;
        let before = costs();
        tokio::time::sleep_until(window.until).await;
        let after = costs();
        let spent = |before: Option<Duration>, after: Option<Duration>| {
            Some(after?.saturating_sub(before?))
        };
        (spent(before.0, after.0), spent(before.1, after.1))
    };
    let load = load::run(
        house.address,
        errand,
        visitors,
        CONNECTIONS,
        Duration::ZERO,
        window,
    );
    let (tally, (server, database)) = tokio::join!(load, watch);
    Row {
        name,
        connections: CONNECTIONS,
        seconds: window.seconds(),
        tally,
        server,
        database,
        raw: None,
    }
}

/// Many sign-ins at once, and a look at `me` beside them, on a house that was just opened.
async fn rush(plan: &Plan, place: &Place<'_>, visitors: &[Visitor], connections: usize) -> Rush {
    let before = argon::raw(argon::cores(), LOOK).await;
    let house = place.open().await;
    tokio::time::sleep(WARM_UP).await;
    let idle = memory(house.pid()).unwrap_or_default();
    let window = Window::of_all(plan.length * 2);
    let load = load::run(
        house.address,
        Errand::SignIn,
        visitors,
        connections,
        Duration::ZERO,
        window,
    );
    let probe = load::run(
        house.address,
        Errand::Me,
        visitors,
        PROBES,
        PROBE_PAUSE,
        window,
    );
    let (tally, probe) = tokio::join!(load, probe);
    let peak = peak_memory(house.pid()).unwrap_or_default();
    house.stop().await;
    let after = argon::raw(argon::cores(), LOOK).await;
    let permits = argon::cores() as f64;
    Rush {
        connections,
        seconds: window.seconds(),
        tally,
        probe,
        idle,
        peak,
        bound: idle + permits * f64::from(COST.0) / 1024.0 + 64.0,
        raw: before.mean(after),
    }
}

async fn starts(place: &Place<'_>) {
    let mut existing = Vec::new();
    let mut empty = Vec::new();
    for number in 0..STARTS {
        let house = place.open().await;
        existing.push(house.to_first_answer);
        house.stop().await;
        let database = place.empty(&format!("empty_{number}")).await;
        let house = place.open_on(&database).await;
        empty.push(house.to_first_answer);
        house.stop().await;
        if let Some(server) = place.postgres {
            server.remove(&database).await;
        }
    }
    report::starts(&mut existing, &mut empty);
}
