//! What the program writes is for the eyes of its owner, whatever the umask of who starts it.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::harness::program::{Folder, command, finish};

#[test]
fn every_file_that_is_made_is_for_its_owner_alone() {
    for umask in ["000", "022"] {
        let folder = Folder::new();
        let program = command(&folder, &[], &["migrate"]).get_program().to_owned();
        let ended = Command::new("sh")
            .args(["-c", "umask \"$1\"; exec \"$0\" migrate"])
            .args([program.as_os_str(), umask.as_ref()])
            .current_dir(folder.path())
            .env_clear()
            .stdout(Stdio::null())
            .status()
            .expect("a shell");
        assert!(ended.success());
        assert_private(&folder, 2);
        // Held open, there are files beside the database.
        let file = folder.path().join("vestibule.db");
        let url = format!("sqlite://{}", file.display());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            use sea_orm::ConnectionTrait;
            let db = sea_orm::Database::connect(&url).await.expect("the file");
            db.execute_unprepared("CREATE TABLE held (id int)")
                .await
                .expect("a table");
            assert_private(&folder, 4);
            db.close().await.expect("a closed connection");
        });
    }
}

#[test]
fn a_file_that_is_there_keeps_the_permissions_that_its_operator_chose() {
    let folder = Folder::new();
    let file = folder.file("vestibule.db", "");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(finish(&folder, &[], &["migrate"]).status.success());
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[track_caller]
fn assert_private(folder: &Folder, many: usize) {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}: {mode:o}", entry.file_name());
        seen += 1;
    }
    assert_eq!(seen, many);
}
