//! The texts against each other: nothing missing, nothing left over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::{RULE_MESSAGES, TextError, Texts, Value, context};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of its own with these files, gone with the handle.
struct Folder(PathBuf);

impl Folder {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-{}-{name}", std::process::id()));
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn refusal(name: &str, files: &[(&str, &str)]) -> String {
    let folder = Folder::with(name, files);
    Texts::load(Some(&folder.0)).unwrap_err().to_string()
}

/// What a folder below the root holds, with `/` between the parts.
fn names(folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            let inner = names(&format!("{folder}/{name}"));
            found.extend(inner.iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.insert(name);
        }
    }
    found
}

#[test]
fn every_file_is_inside_the_program() {
    let files = Files::embedded();
    let embedded: BTreeSet<_> = files.templates.keys().cloned().collect();
    assert_eq!(embedded, names("templates"));
    let languages = files.messages.keys().map(|tag| format!("{tag}.ftl"));
    assert_eq!(languages.collect::<BTreeSet<_>>(), names("locales"));
}

#[test]
fn every_message_is_there_in_every_language_and_used() {
    let texts = Texts::load(None).unwrap();
    let ids = |tag: &str| {
        texts.0[tag]
            .ids()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    for tag in texts.languages() {
        assert_eq!(ids(tag), ids("en"), "{tag}");
    }
    let files = Files::embedded();
    for id in ids("en") {
        let called = format!("t(\"{id}\"");
        let used = files
            .templates
            .values()
            .any(|file| file.text.contains(&called));
        assert!(
            used || RULE_MESSAGES.contains(&id.as_str()),
            "{id} is not used"
        );
    }
}

#[test]
fn a_locale_finds_its_language_and_an_unknown_one_english() {
    let texts = Texts::load(None).unwrap();
    assert_eq!(
        texts.languages().collect::<Vec<_>>(),
        ["de", "en", "es", "fr"]
    );
    assert_eq!(texts.lookup("de-CH"), Some("de"));
    assert_eq!(texts.lookup("zh-Hant-TW"), None);
    let least = |number: i32| [("least", Value::from(number))];
    let message = |locale, number| texts.message("rule-min-length", locale, &least(number));
    assert_eq!(message("tlh", 12), "Use at least 12 characters.");
    assert_eq!(message("de-AT", 12), "Verwenden Sie mindestens 12 Zeichen.");
    assert_eq!(message("fr", 1), "Utilisez au moins 1 caractère.");
    assert_eq!(message("es", 1), "Use al menos un carácter.");
}

#[test]
fn what_comes_from_outside_is_escaped_in_html_alone() {
    let text = "{{ options.plan | default('') }}";
    let files = [
        ("mail/sign_up_taken.html", text),
        ("mail/sign_up_taken.txt", text),
    ];
    let folder = Folder::with("escaped", &files);
    let texts = Texts::load(Some(&folder.0)).unwrap();
    let context = context! { options => context! { plan => "<b>\"A&B\"</b>" } };
    let render = |name| texts.render(name, "en", &context).unwrap();
    let html = render("mail/sign_up_taken.html");
    assert_eq!(html, "&lt;b&gt;&quot;A&amp;B&quot;&lt;/b&gt;");
    assert_eq!(render("mail/sign_up_taken.txt"), "<b>\"A&B\"</b>");
}

#[test]
fn a_further_language_is_complete_and_knows_its_direction() {
    let english = std::fs::read_to_string(root().join("locales/en.ftl")).unwrap();
    let folder = Folder::with("arabic", &[("ar.ftl", &english)]);
    let texts = Texts::load(Some(&folder.0)).unwrap();
    let page = context! { state => "busy", ticket => "" };
    let html = texts.render("page/verify.html", "ar-EG", &page).unwrap();
    assert!(html.contains(r#"<html lang="ar" dir="rtl">"#), "{html}");

    let refused = refusal("incomplete", &[("it.ftl", "product-name = Vestibolo\n")]);
    assert!(refused.starts_with("it.ftl:1: the message `"), "{refused}");
}

#[test]
fn a_message_alone_can_be_replaced() {
    let folder = Folder::with("message", &[("de.ftl", "sign-up-subject = Willkommen\n")]);
    let texts = Texts::load(Some(&folder.0)).unwrap();
    assert_eq!(texts.message("sign-up-subject", "de", &[]), "Willkommen");
    assert_eq!(
        texts.message("sign-up-button", "de", &[]),
        "Adresse bestätigen"
    );
}

#[test]
fn whatever_is_broken_is_named_with_file_and_line() {
    let cases: [(&str, &str, &str); 8] = [
        (
            "mail/sign_up.html",
            "fine\n{{ nothing }}\n",
            "mail/sign_up.html:2: undefined value",
        ),
        (
            "mail/sign_up.txt",
            "\n\n{% if %}",
            "mail/sign_up.txt:3: syntax error",
        ),
        (
            "mail/layout.html",
            "\n{{ t('no-such') }}",
            "mail/layout.html:2: ",
        ),
        (
            "mail/sign_up_taken.txt",
            "{{ proof.code }}",
            "mail/sign_up_taken.txt:1: undefined",
        ),
        (
            "mail/sign_up.txt",
            "{{ options.plan }}",
            "mail/sign_up.txt:1: undefined value",
        ),
        (
            "page/verify.html",
            "{% extends 'page/none.html' %}",
            "page/verify.html:1: ",
        ),
        ("fr.ftl", "fine = Bien\nbroken = {\n", "fr.ftl:"),
        (
            "de.ftl",
            "\nrule-common = { $who }\n",
            "de.ftl:2: the message `rule-common`",
        ),
    ];
    for (number, (name, text, expected)) in cases.into_iter().enumerate() {
        let refused = refusal(&format!("broken-{number}"), &[(name, text)]);
        assert!(refused.starts_with(expected), "{expected}\n{refused}");
    }
}

#[test]
fn an_unknown_file_is_refused_with_a_list_of_the_known_ones() {
    for name in [
        "mail/signup.html",
        "readme.md",
        "DE.ftl",
        "mail/en/sign_up.txt",
    ] {
        let refused = refusal("unknown", &[(name, "")]);
        let named =
            refused.contains("is the name of no text") && refused.contains("mail/sign_up.html");
        assert!(named, "{refused}");
    }
    let missing = Texts::load(Some(Path::new("/nowhere/at/all"))).unwrap_err();
    assert!(matches!(missing, TextError::Unreadable { .. }));
}
