//! Every block of every guide does what it shows: commands run, documents are answered, TypeScript is the example's.
//!
//! A block of shell is run command by command; what cannot be run is named here with its reason. A block of GraphQL is
//! sent to the house that the guide has started, with a token and a cookie as soon as an answer has given them. A block of
//! JSON after it is the variables, or, with `data` or `errors`, what must have been answered: no other error is let
//! pass. `PASTE` and `123456` are what a reader puts there, see `memory.rs`.

mod block;
mod memory;
mod shell;
mod source;
mod walk;

use std::path::Path;

use crate::web::skipped;

/// A guide, and what a test has to know to follow it.
pub struct Guide {
    /// From the root of the repository.
    path: &'static str,
    /// The page that sends its documents.
    origin: &'static str,
    /// Beginnings of commands that no test can run, each with its reason.
    excused: &'static [(&'static str, &'static str)],
    /// What is put into the place of a text, with the reason.
    stands: &'static [(&'static str, &'static str, &'static str)],
}

const README: Guide = Guide {
    path: "README.md",
    origin: "https://app.example.org",
    excused: &[
        (
            "cargo test",
            "this very test would run itself; every run of CI does it",
        ),
        (
            "export VESTIBULE_MODE=production",
            "the example's domain; tests/api/cli/production.rs",
        ),
        (
            "export VESTIBULE_DATABASE_URL=postgres",
            "the example's database; tests/api/cli/production.rs",
        ),
        (
            "export VESTIBULE_MASTER_KEY_FILE",
            "the example's secrets; tests/api/cli/settings.rs",
        ),
        ("cargo ship", "takes many minutes"),
    ],
    stands: &[(
        "\"…\"",
        "\"correct horse battery\"",
        "the password of the walk by curl",
    )],
};

const HASURA: Guide = Guide {
    path: "docs/hasura.md",
    origin: "http://localhost:5173",
    excused: &[
        (
            "docker run",
            "no containers in tests; tests/api/web/hasura.rs has a stand-in",
        ),
        (
            "curl -sS --json @re",
            "Hasura's own API; tests/api/web/hasura.rs takes the same file",
        ),
    ],
    stands: &[
        (
            "http://127.0.0.1:8080/v1/graphql",
            "http://127.0.0.1:4000/graphql",
            "what Hasura hands on, sent to the house itself",
        ),
        (
            "curl -sS --json '{\"type\": \"export_metadata\", \"version\": 2, \"args\": {}}' \\\n  -H 'x-hasura-admin-secret: \
             hasura-admin-secret' http://127.0.0.1:8080/v1/metadata",
            "echo '{\"resource_version\": 1, \"metadata\": {\"version\": 3, \"sources\": []}}'",
            "what a Hasura that is new exports",
        ),
    ],
};

const FRONT_END: Guide = Guide {
    path: "docs/front-end.md",
    origin: "http://localhost:5173",
    excused: &[
        ("cd examples/web", "goes with the next two"),
        (
            "npm install",
            "tests/api/web/example_app.rs installs the packages",
        ),
        (
            "npm run dev",
            "does not end; tests/api/web/example_app.rs uses every page of it in a browser",
        ),
    ],
    stands: &[],
};

const MOVING: Guide = Guide {
    path: "docs/moving.md",
    origin: "http://localhost:5173",
    excused: &[],
    stands: &[],
};

const GATEWAY: Guide = Guide {
    path: "docs/gateway.md",
    origin: "http://localhost:5173",
    excused: &[],
    stands: &[],
};

/// Reference for operators, each part with tests of its own: pages to look something up, not to walk through.
const REFERENCE: [&str; 5] = [
    "docs/administration.md",
    "docs/operation.md",
    "docs/performance.md",
    "docs/security-checks.md",
    "docs/several-instances.md",
];

async fn follow(guide: &Guide) {
    if !Path::new("/usr/bin/curl").exists() {
        skipped("curl is missing (Debian: apt-get install curl openssl)");
        return;
    }
    walk::walk(guide).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_readme_shows_works() {
    follow(&README).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_guide_to_hasura_shows_works() {
    follow(&HASURA).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_guide_to_front_ends_shows_works() {
    follow(&FRONT_END).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_guide_to_moving_shows_works() {
    source::assert_names(include_str!("../../../docs/moving.md"));
    follow(&MOVING).await;
}

/// Where the house is a subgraph, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_guide_to_gateways_shows_works() {
    follow(&GATEWAY).await;
}

#[test]
fn every_page_is_a_guide_that_is_followed_or_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("docs")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let page = format!("docs/{}", name.display());
        let is_followed = [HASURA, FRONT_END, MOVING, GATEWAY]
            .iter()
            .any(|guide| guide.path == page);
        let is_known = is_followed || REFERENCE.contains(&page.as_str());
        assert!(
            is_known || !page.ends_with(".md"),
            "{page}: nothing runs it"
        );
    }
}
