//! Languages and templates, from the setting to the mail.

mod mail;
mod page;

use std::path::PathBuf;

/// A folder of templates, gone with the handle.
pub struct Overrides(PathBuf);

impl Overrides {
    pub fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let folder =
            std::env::temp_dir().join(format!("vestibule-{}-{name}", crate::harness::run_name()));
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            std::fs::write(path, text).expect("it can be written");
        }
        Self(folder)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for Overrides {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
