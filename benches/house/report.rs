//! The table, in Markdown.

use std::time::Duration;

use super::argon::{self, COST, Raw};
use super::growth::Growth;
use super::house;
use super::likeness::Likeness;
use super::load::Tally;
use super::measure::{Row, Rush};
use super::plan::Plan;
use super::signature;

pub async fn introduce(plan: &Plan) {
    let (memory, passes, lanes) = COST;
    let cores = argon::cores();
    let one = argon::raw(1, Duration::from_secs(1)).await.rate;
    let all = argon::raw(cores, Duration::from_secs(1)).await.rate;
    let signatures = signature::rate(Duration::from_secs(1)).await;
    let size = std::fs::metadata(house::program()).map_or(0, |file| file.len());
    println!("# What the house costs\n");
    println!(
        "{cores} cores, shared by server, database and client; Argon2id with {memory} KiB, {passes} passes, {lanes} \
         lane: {one:.1} hashes a second on one core, {all:.1} on all; {signatures:.0} ES256 signatures a second on one. \
         {:.0} s a scenario, with limits {}; the program has {:.3} MB; CPU in µs a request.",
        plan.length.as_secs_f64(),
        plan.limits.as_str(),
        size as f64 / 1e6
    );
}

pub fn heading(database: &str) {
    println!("\n## {database}\n");
}

pub fn requests(rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    println!(
        "| request | connections | a second | p50 ms | p99 ms | CPU server | CPU database | raw hashes a second | of the raw rate | hash's share of CPU |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let count = row.tally.served.count() as f64;
        let rate = count / row.seconds;
        let each = |spent: Option<Duration>| match spent {
            Some(spent) if count > 0.0 => format!("{:.0}", spent.as_secs_f64() * 1e6 / count),
            _ => "–".to_owned(),
        };
        let cell = |figure: &dyn Fn(Raw) -> String| row.raw.map(figure).unwrap_or_default();
        let spent = row.server.unwrap_or_default() + row.database.unwrap_or_default();
        let share = |raw: Raw| 100.0 * raw.each.as_secs_f64() * count / spent.as_secs_f64();
        println!(
            "| {} | {} | {rate:.1} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.connections,
            millis(row.tally.served.within(0.5)),
            millis(row.tally.served.within(0.99)),
            each(row.server),
            each(row.database),
            cell(&|raw| format!("{:.1}", raw.rate)),
            cell(&|raw| format!("{:.1} %", 100.0 * rate / raw.rate)),
            cell(&|raw| format!("{:.1} %", share(raw))),
        );
    }
    for row in rows {
        complain(row.name, &row.tally);
    }
}

pub fn rushes(rushes: &[Rush]) {
    println!(
        "\n| sign-ins at once | served a second | of the raw rate | p50 / longest ms | refused | longest wait of a refusal ms | \
         `me` beside: p50 / p99 / longest ms | MiB idle | MiB peak | MiB bound |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for rush in rushes {
        let (served, refused) = (rush.tally.served.count(), rush.tally.refused.count());
        let share = 100.0 * refused as f64 / (served + refused).max(1) as f64;
        let rate = rush.tally.in_time as f64 / rush.seconds;
        let (tally, probe) = (&rush.tally, &rush.probe.served);
        println!(
            "| {} | {rate:.1} | {:.1} % | {} / {} | {share:.1} % | {} | {} / {} / {} | {:.1} | {:.1} | {:.1} |",
            rush.connections,
            100.0 * rate / rush.raw.rate,
            millis(tally.served.within(0.5)),
            millis(tally.served.within(1.0)),
            millis(tally.refused.within(1.0)),
            millis(probe.within(0.5)),
            millis(probe.within(0.99)),
            millis(probe.within(1.0)),
            rush.idle,
            rush.peak,
            rush.bound
        );
    }
    for rush in rushes {
        complain("sign-in in a rush", &rush.tally);
        complain("`me` in a rush", &rush.probe);
    }
}

pub fn starts(existing: &mut [Duration], empty: &mut [Duration]) {
    println!("\n| start to first answer | median ms | longest ms |");
    println!("|---|---|---|");
    for (name, times) in [("existing", existing), ("empty", empty)] {
        times.sort_unstable();
        println!(
            "| on an {name} database | {} | {} |",
            millis(times.get(times.len() / 2).copied()),
            millis(times.last().copied())
        );
    }
}

pub fn likenesses(found: &[Likeness]) {
    println!("\n| known or unknown address | area under the curve | median ms known / unknown |");
    println!("|---|---|---|");
    for found in found {
        let (known, unknown) = (millis(Some(found.known)), millis(Some(found.unknown)));
        println!(
            "| {} | {:.3} | {known} / {unknown} |",
            found.name, found.area
        );
    }
}

pub fn growths(grown: &[Growth]) {
    println!(
        "\n| accounts | signIn ms | me ms | refreshSession ms | adminUsers(first: 50) ms |\n|---|---|---|---|---|"
    );
    for growth in grown {
        let first = grown.first().unwrap_or(growth);
        let cell = |of: fn(&Growth) -> Duration| {
            let ratio = of(growth).as_secs_f64() / of(first).as_secs_f64();
            format!("{:.3} (× {ratio:.2})", of(growth).as_secs_f64() * 1e3)
        };
        println!(
            "| {} | {} | {} | {} | {} |",
            growth.accounts,
            cell(|growth| growth.sign_in),
            cell(|growth| growth.me),
            cell(|growth| growth.refresh),
            cell(|growth| growth.page),
        );
    }
}

fn millis(time: Option<Duration>) -> String {
    time.map_or_else(
        || "–".to_owned(),
        |time| {
            let millis = time.as_secs_f64() * 1e3;
            if millis < 100.0 {
                format!("{millis:.2}")
            } else {
                format!("{millis:.0}")
            }
        },
    )
}

/// What was neither served nor refused makes the figures above worthless.
fn complain(name: &str, tally: &Tally) {
    if let Some(failure) = &tally.failure {
        let start: String = failure.chars().take(300).collect();
        println!(
            "\n**{name}: {} failures**, such as: {start}",
            tally.failures
        );
    }
}
