//! Texts that are parsed once and trusted ever after; and good inputs, read off the schema.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use uuid::Uuid;
use vestibule::ticket::TicketKey;
use vestibule::value::{Email, Locale, Username};

use super::{inputs as made, spoiled};
use crate::harness::{Backend, PASSWORD, TestApp};

/// A mutation, and the fields of its input with their types.
pub type Operation = (String, Vec<(String, String)>);

/// Every mutation that takes an `input`.
pub fn inputs() -> Vec<Operation> {
    let document = parse_schema(vestibule::graphql::sdl()).unwrap();
    let kinds: Vec<_> = document
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(&definition.node),
            _ => None,
        })
        .collect();
    let find = |name: &str| {
        kinds
            .iter()
            .find(|kind| kind.name.node == name)
            .map(|kind| &kind.kind)
    };
    let Some(TypeKind::Object(mutation)) = find("Mutation") else {
        panic!("mutations");
    };
    let operation = |field: &async_graphql::parser::types::FieldDefinition| {
        let name = &field.name.node;
        let kind = field.arguments.first()?.node.ty.node.to_string();
        let TypeKind::InputObject(input) = find(kind.trim_end_matches('!'))? else {
            return None;
        };
        let fields = input.fields.iter().map(|field| {
            (
                field.node.name.node.to_string(),
                field.node.ty.node.to_string(),
            )
        });
        let document =
            format!("mutation($input: {kind}) {{ {name}(input: $input) {{ __typename }} }}");
        Some((document, fields.collect()))
    };
    mutation
        .fields
        .iter()
        .filter_map(|field| operation(&field.node))
        .collect()
}

/// An input with everything that it must have.
pub fn good(fields: &[(String, String)]) -> Value {
    let mut input = json!({});
    for (name, kind) in fields.iter().filter(|(_, kind)| kind.ends_with('!')) {
        input[name.as_str()] = match (name.as_str(), kind.as_str()) {
            ("email" | "newEmail", _) => json!("fuzz@example.org"),
            (name, _) if name.to_lowercase().ends_with("password") => json!(PASSWORD),
            (_, "ID!") => json!("01940000-0000-7000-8000-000000000000"),
            (_, "[String!]!") => json!([]),
            ("proof", _) => json!({ "ticket": "x" }),
            ("purpose", _) => json!("INVITATION"),
            _ => json!("default"),
        };
    }
    input
}

#[test]
fn an_address_is_one_mailbox_however_it_is_read_again() {
    let seeds = [
        "ann@example.org",
        "Ann+tag@B\u{fc}cher.example",
        "a.b@x.y.z.org",
        "\"a b\"@[127.0.0.1]",
    ]
    .map(str::to_owned);
    for text in made(spoiled(seeds.to_vec())) {
        let Ok(email) = Email::parse("email", &text) else {
            continue;
        };
        let key = email.key();
        assert!(
            key.is_ascii() && key.matches('@').count() == 1 && key.len() <= 254,
            "{text:?}"
        );
        assert!(
            !text
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || c == ','),
            "{text:?}"
        );
        assert_eq!(key, key.to_ascii_lowercase());
        let again =
            Email::parse("email", key).unwrap_or_else(|_| panic!("{text:?} became {key:?}"));
        assert_eq!(again.key(), key, "{text:?}");
    }
}

#[test]
fn a_username_is_never_an_address_and_a_locale_is_read_again_as_itself() {
    for text in made(spoiled(
        ["ann", "x@y", "ann@example.org", "en", "pt-BR", "zh-Hant-TW"]
            .map(str::to_owned)
            .to_vec(),
    )) {
        if let Ok(username) = Username::parse("username", &text) {
            assert!(Email::parse("email", &text).is_err(), "{text:?}");
            assert_eq!(username.key(), username.key().to_ascii_lowercase());
        }
        if let Ok(locale) = Locale::parse("locale", &text) {
            let again =
                Locale::parse("locale", locale.as_str()).unwrap_or_else(|_| panic!("{text:?}"));
            assert_eq!(again.as_str(), locale.as_str(), "{text:?}");
        }
    }
}

#[test]
fn no_cursor_is_forged() {
    let key = TicketKey::new(&[7; 32]);
    let real = key.cursor("users", Uuid::from_u128(42));
    for text in made(spoiled(vec![real.clone()])) {
        assert!(
            text == real || key.cursor_row("users", &text).is_none(),
            "{text:?}"
        );
        assert_eq!(key.cursor_row("tenants", &text), None, "{text:?}");
    }
}

#[test]
fn a_code_matches_itself_alone() {
    use entity::verification::Purpose;
    let key = TicketKey::new(&[7; 32]);
    let id = Uuid::from_u128(42);
    for purpose in [Purpose::SignUp, Purpose::PasswordReset] {
        let code = key.code(purpose, id, 1).expose().to_owned();
        let same = |text: &str| {
            let typed = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| {
                match c.to_ascii_uppercase() {
                    'O' => '0',
                    'I' | 'L' => '1',
                    c => c,
                }
            });
            typed.eq(code.chars())
        };
        for text in made(spoiled(vec![code.clone()])) {
            assert_eq!(
                key.code_matches(purpose, id, 1, &text),
                same(&text),
                "{text:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_but_our_own_is_ever_good() {
    let test = TestApp::start(Backend::Sqlite).await;
    let ann = test.user("ann").await;
    let real = ann.access_token.clone();
    let part = |part: usize| real.split('.').nth(part).expect("a part").to_owned();
    let seeds = vec![real.clone(), format!("{}.{}.", part(0), part(1)), part(1)];
    for text in made(spoiled(seeds)) {
        let claims = test
            .app
            .keys
            .verify(test.app.db.read(), &text)
            .await
            .expect("an answer");
        assert!(text == real || claims.is_none(), "{text}");
    }
}
