//! Embeds GraphiQL's page: installs the npm packages that `playground/` pins into Cargo's output folder, and writes
//! `graphiql_assets.rs` there, which `src/http/graphiql.rs` includes. Nothing is written into the source tree, and no
//! code of a package runs. Where the packages cannot be had, the page points at a CDN instead, and the build goes on.
//!
//! Packs the common passwords of the crate `passwords`, for `src/realm/policy/common.rs`: that crate's own table is a
//! hundred thousand pointers, which every start would write into memory.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told everything by the environment, and waits by the clock"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest as _, Sha384};

/// How long npm may take, and how often it may try: a developer is not to wait for GraphiQL, and goes on without it; in CI
/// that would be a build that lacks something, and tests that fail for it later.
struct Patience {
    limit: Duration,
    attempts: u32,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One file of the page: what `playground/assets.json` says of it, and its bytes.
struct Asset {
    name: String,
    media_type: String,
    bytes: Vec<u8>,
}

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=playground");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rerun-if-env-changed=VESTIBULE_GRAPHIQL");

    let root = PathBuf::from(env("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env("OUT_DIR")?);
    let common = folder_of("passwords", &root)?.join("data/common-passwords.json");
    fs::write(out.join("common-passwords.fst"), packed(&common)?)?;

    let source = root.join("playground");
    let manifest: Value = serde_json::from_slice(&fs::read(source.join("assets.json"))?)?;
    let cdn = text(&manifest, "cdn")?;
    let packages = list(&manifest, "packages")?;

    let mut page = fs::read_to_string(source.join("index.html"))?;
    let mut assets = Vec::new();
    for entry in list(&manifest, "own")? {
        assets.push(asset(entry, &source.join(text(entry, "name")?))?);
    }
    let found = if env("VESTIBULE_GRAPHIQL").is_ok_and(|wish| wish == "skip") {
        None
    } else {
        let in_ci = env("CI").is_ok_and(|value| value == "true" || value == "1");
        let (limit, attempts) = if in_ci { (300, 2) } else { (60, 1) };
        let limit = Duration::from_secs(limit);
        let patience = Patience { limit, attempts };
        match package_assets(&source, &out.join("playground"), packages, &patience) {
            Ok(found) => Some(found),
            Err(problem) if in_ci => {
                return Err(format!("GraphiQL cannot be embedded: {problem}").into());
            }
            Err(problem) => {
                println!("cargo::warning=GraphiQL is not embedded: {problem}");
                println!("cargo::warning=Its page will load the same files from {cdn}");
                println!("cargo::warning=The next build tries again");
                println!("cargo::warning=To build so on purpose: VESTIBULE_GRAPHIQL=skip");
                // What is not there has always changed.
                let absent = out.join("absent");
                println!("cargo::rerun-if-changed={}", absent.display());
                None
            }
        }
    };
    let embedded = found.is_some();
    match found {
        Some(found) => assets.extend(found),
        None => page = page_from_cdn(page, cdn, packages)?,
    }

    fs::write(out.join("graphiql.html"), page)?;
    let mut entries = String::new();
    for asset in &assets {
        let (name, media_type, etag) = (&asset.name, &asset.media_type, sha384(&asset.bytes));
        let file = File::create(out.join(format!("{name}.gz")))?;
        let mut encoder = GzEncoder::new(file, Compression::best());
        encoder.write_all(&asset.bytes)?;
        encoder.finish()?;
        let gzip = format!(r#"include_bytes!(concat!(env!("OUT_DIR"), "/{name}.gz"))"#);
        writeln!(
            entries,
            r#"    Asset {{ name: {name:?}, media_type: {media_type:?}, etag: "\"{etag}\"", gzip: {gzip} }},"#
        )?;
    }
    let code = format!(
        r#"/// Whether GraphiQL's own files are in the binary; if not, its page loads them from [`CDN`].
pub const EMBEDDED: bool = {embedded};
/// The one foreign origin that the page needs while GraphiQL is not embedded.
pub const CDN: &str = {cdn:?};
const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/graphiql.html"));
static ASSETS: &[Asset] = &[
{entries}];
"#
    );
    fs::write(out.join("graphiql_assets.rs"), code)?;
    Ok(())
}

/// Where Cargo keeps the source of a crate that this build depends on.
fn folder_of(name: &str, root: &Path) -> Result<PathBuf> {
    let told = Command::new(env("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", &env("TARGET")?])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()?;
    if !told.status.success() {
        return Err(
            "cargo metadata failed; without a network, `cargo fetch` must have run before".into(),
        );
    }
    let told: Value = serde_json::from_slice(&told.stdout)?;
    told["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == name)
        .and_then(|package| Path::new(package["manifest_path"].as_str()?).parent())
        .map(Path::to_owned)
        .ok_or_else(|| format!("cargo metadata does not know {name}").into())
}

/// A list of words as a finite-state set.
fn packed(list: &Path) -> Result<Vec<u8>> {
    let mut words: Vec<String> = serde_json::from_slice(&fs::read(list)?)?;
    words.sort_unstable();
    Ok(fst::Set::from_iter(words)?.into_fst().into_inner())
}

/// The packages' files, each proven to be the one that was pinned.
fn package_assets(
    source: &Path,
    folder: &Path,
    packages: &[Value],
    patience: &Patience,
) -> Result<Vec<Asset>> {
    install(source, folder, patience)?;
    let mut assets = Vec::new();
    for entry in packages {
        let file = text(entry, "file")?;
        let found = asset(entry, &folder.join("node_modules").join(file))?;
        if format!("sha384-{}", sha384(&found.bytes)) != text(entry, "integrity")? {
            return Err(format!("{file} is not the file that playground/assets.json pins").into());
        }
        let bytes = if found.media_type.starts_with("text/css") {
            without_fonts(found.bytes)?
        } else {
            found.bytes
        };
        assets.push(Asset { bytes, ..found });
    }
    Ok(assets)
}

/// A style sheet without the fonts it carries, which are six sevenths of it: `page.css` names those that the reader's system has.
fn without_fonts(sheet: Vec<u8>) -> Result<Vec<u8>> {
    let sheet = String::from_utf8(sheet)?;
    let mut parts = sheet.split("@font-face");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('}').ok_or("a font face without an end")?;
        kept.push_str(rest);
    }
    Ok(kept.into_bytes())
}

/// Runs `npm ci` in `folder`, unless it has already succeeded there for the same two files.
fn install(source: &Path, folder: &Path, patience: &Patience) -> Result<()> {
    let package = fs::read(source.join("package.json"))?;
    let lock = fs::read(source.join("package-lock.json"))?;
    // Inside the folder that npm replaces, so that it never outlives what it stands for.
    let stamp = folder.join("node_modules/.vestibule-installed");
    let wanted = sha384(&[package.as_slice(), &lock].concat());
    if fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), package)?;
    fs::write(folder.join("package-lock.json"), lock)?;

    let mut attempt = npm_ci(folder, patience.limit);
    for _ in 1..patience.attempts {
        attempt = attempt.or_else(|_| npm_ci(folder, patience.limit));
    }
    attempt?;
    Ok(fs::write(stamp, wanted)?)
}

/// Once; the error says what npm has said.
fn npm_ci(folder: &Path, limit: Duration) -> Result<()> {
    let log = folder.join("npm.log");
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
        .args("ci --ignore-scripts --no-audit --no-fund --no-update-notifier".split(' '))
        // Without a network, its own patience would use up the whole limit.
        .args("--prefer-offline --fetch-retry-mintimeout=1000 --fetch-retry-factor=2".split(' '))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()
        .map_err(|error| format!("npm could not be started ({error})"))?;
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = npm.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            npm.kill()?;
            npm.wait()?;
            return Err(format!("npm ci took longer than {limit:?}").into());
        }
        sleep(Duration::from_millis(50));
    };
    if !status.success() {
        let said = fs::read_to_string(&log)?;
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(format!("npm ci failed, as {} tells: {said}", log.display()).into());
    }
    Ok(())
}

/// The page with the packages' files at the CDN, each held to its hash by the browser.
fn page_from_cdn(mut page: String, cdn: &str, packages: &[Value]) -> Result<String> {
    for entry in packages {
        let here = format!("\"/graphql/assets/{}\"", text(entry, "name")?);
        let there = format!(
            "\"{cdn}{}\" integrity=\"{}\" crossorigin=\"anonymous\"",
            text(entry, "path")?,
            text(entry, "integrity")?
        );
        if !page.contains(&here) {
            return Err(format!("playground/index.html does not link {here}").into());
        }
        page = page.replace(&here, &there);
    }
    Ok(page)
}

fn asset(entry: &Value, file: &Path) -> Result<Asset> {
    Ok(Asset {
        name: text(entry, "name")?.to_owned(),
        media_type: text(entry, "type")?.to_owned(),
        bytes: fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?,
    })
}

fn sha384(bytes: &[u8]) -> String {
    STANDARD.encode(Sha384::digest(bytes))
}

fn env(name: &str) -> Result<String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}

fn text<'a>(entry: &'a Value, key: &str) -> Result<&'a str> {
    entry[key]
        .as_str()
        .ok_or_else(|| format!("playground/assets.json: no text {key:?}").into())
}

fn list<'a>(entry: &'a Value, key: &str) -> Result<&'a [Value]> {
    entry[key]
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("playground/assets.json: no list {key:?}").into())
}
