use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

use super::{browse, install, npm, skipped};
use crate::harness::program::Program;
use crate::harness::{ADMIN_SECRET, free_port};

static PACKAGES: OnceCell<Result<(), String>> = OnceCell::const_new();
/// The generated files are shared: they are made once.
static CHECKED: OnceCell<()> = OnceCell::const_new();

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/web")
}

/// Installs the packages of the example, makes its types from schema and documents, lints both, and compiles.
async fn checked() -> bool {
    if let Err(missing) = PACKAGES.get_or_init(|| install(folder())).await {
        skipped(missing);
        return false;
    }
    let check = async {
        let done = npm(&folder(), &["run", "check"], &[]).await;
        done.unwrap_or_else(|problem| panic!("{problem}"));
    };
    CHECKED.get_or_init(|| check).await;
    true
}

/// The lint of `graphql-eslint` for `schema.graphql`, for the documents of the tests and for those of the example; code
/// generators, TypeScript and Relay's compiler take them, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_tools_take_the_schema_and_every_document() {
    checked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_application_works_from_end_to_end() {
    if !checked().await {
        return;
    }
    let program = Program::serve(&[("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET)]).await;
    // The same site as the page: `localhost`, where its mailed links may lead back to.
    let base = format!("http://localhost:{}", program.address.port());
    let api = format!("{base}/graphql");
    let built = program.folder.path().join("example").display().to_string();
    let bundle = ["run", "bundle", "--", "--outDir", &built];
    let done = npm(&folder(), &bundle, &[("VITE_VESTIBULE_API", &api)]).await;
    assert!(done.is_ok(), "{done:?}");
    let port = free_port().to_string();
    browse("example_app.mjs", &[&base, &built, &port, ADMIN_SECRET]).await;
}
