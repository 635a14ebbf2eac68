//! Which roles a sign-up may have, and which of a user's roles an application's tokens carry.

use entity::{application, user};

use crate::caller::ADMINISTRATOR;
use crate::error::Issue;
use crate::value::Issues;

/// Roles and default role, as they are stored with the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    pub all: Vec<String>,
    pub default: String,
}

/// Names that begin so are the house's own.
const RESERVED: &str = "vestibule-";
/// Code points of a name.
const LENGTH: usize = 64;
/// Roles that a user or an application has: every token carries them.
const MOST: usize = 50;

/// Notes what is wrong with a list of roles: at most 50; 1 to 64 ASCII letters, digits and `_ - : .` each, so that none
/// looks like another; none that begins with `vestibule-`; none twice, whatever its case.
pub fn check_names(path: &'static str, roles: &[String], issues: &mut Issues) {
    if roles.len() > MOST {
        issues.push(Issue::new(
            path,
            "too_many",
            format!("At most {MOST} roles."),
        ));
        return;
    }
    for (number, role) in roles.iter().enumerate() {
        let well_formed = (1..=LENGTH).contains(&role.len())
            && role
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte));
        let twice = roles[..number]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(role));
        let refused = if !well_formed {
            Some(("format", "1 to 64 of A-Z, a-z, 0-9, `_`, `-`, `:` and `.`."))
        } else if is_reserved(role) {
            Some((
                "not_allowed",
                "Names that begin with `vestibule-` are reserved.",
            ))
        } else if twice {
            Some(("not_allowed", "This role is there already."))
        } else {
            None
        };
        if let Some((rule, message)) = refused {
            issues.push(Issue::new(format!("{path}.{number}"), rule, message));
        }
    }
}

/// As [`check_names`], for a user: the one role of the house that is granted is allowed, too.
pub fn check_granted(path: &'static str, roles: &[String], issues: &mut Issues) {
    let own: Vec<String> = roles
        .iter()
        .filter(|role| *role != ADMINISTRATOR)
        .cloned()
        .collect();
    check_names(path, &own, issues);
    if roles.len() > own.len() + 1 {
        issues.push(Issue::new(
            path,
            "not_allowed",
            "A role is there more than once.",
        ));
    }
}

fn is_reserved(role: &str) -> bool {
    role.get(..RESERVED.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

/// What a sign-up asked for, within the application's sign-up roles: compared exactly, so that a look-alike or another
/// case is another role. What is wrong is noted.
pub fn at_sign_up(
    application: &application::Model,
    allowed_roles: Option<Vec<String>>,
    default_role: Option<String>,
    issues: &mut Issues,
) -> Roles {
    let offered = &application.sign_up_roles.0;
    let wanted = allowed_roles.unwrap_or_else(|| offered.clone());
    let mut all: Vec<String> = Vec::new();
    // Each once; no more of them than are offered are kept, however long the list is.
    for role in wanted.iter().filter(|role| offered.contains(role)) {
        if !all.contains(role) {
            all.push(role.clone());
        }
    }
    if wanted.iter().any(|role| !offered.contains(role)) {
        issues.push(Issue::new(
            "allowedRoles",
            "not_allowed",
            "The application does not offer one of these roles.",
        ));
    }
    let default = default_role.unwrap_or_else(|| application.default_role.clone());
    if !all.contains(&default) {
        issues.push(Issue::new(
            "defaultRole",
            "not_allowed",
            "The default role must be one of the allowed roles.",
        ));
    }
    Roles { all, default }
}

/// What of a sign-up that waited for its mail the application still offers. A default role that is offered no more gives way
/// to the application's, which every sign-up may have; it is one of the roles in any case.
pub fn once_answered(application: &application::Model, asked: Roles) -> Roles {
    let offered = &application.sign_up_roles.0;
    let mut all = asked.all;
    all.retain(|role| offered.contains(role));
    let default = if all.contains(&asked.default) {
        asked.default
    } else {
        application.default_role.clone()
    };
    if !all.contains(&default) {
        all.push(default.clone());
    }
    Roles { all, default }
}

/// What a token of this application carries: the user's roles within the application's. Where there are none, the default
/// role is the empty text, which names nobody's role: whoever looks at that one alone lets nobody in by it.
pub fn in_token(application: &application::Model, user: &user::Model) -> Roles {
    let all: Vec<_> = user
        .roles
        .0
        .iter()
        .filter(|role| application.roles.0.contains(role))
        .cloned()
        .collect();
    let default = if all.contains(&user.default_role) {
        user.default_role.clone()
    } else {
        all.first().cloned().unwrap_or_default()
    };
    Roles { all, default }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(roles: &[&str]) -> Vec<&'static str> {
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let mut issues = Issues::default();
        check_names("roles", &roles, &mut issues);
        match issues.none() {
            Err(crate::error::Error::InvalidInput(issues)) => {
                issues.iter().map(|issue| issue.rule).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn look_alikes_other_cases_and_reserved_names_are_no_roles() {
        assert_eq!(rules(&["user", "me", "org:admin"]), Vec::<&str>::new());
        assert_eq!(rules(&["user", "User"]), ["not_allowed"]);
        assert_eq!(rules(&["\u{443}ser"]), ["format"]);
        assert_eq!(rules(&["", "a b", "user\0"]), ["format"; 3]);
        assert_eq!(
            rules(&["vestibule-admin", "Vestibule-x", "VESTIBULE-"]),
            ["not_allowed"; 3]
        );
        assert_eq!(rules(&[&"x".repeat(65)]), ["format"]);
        let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(rules(&many), ["too_many"]);
    }

    #[test]
    fn an_administrator_grants_the_one_role_of_the_house_and_no_other() {
        let granted = |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            let mut issues = Issues::default();
            check_granted("roles", &roles, &mut issues);
            issues.none().is_ok()
        };
        assert!(granted(&["user", ADMINISTRATOR]));
        assert!(!granted(&[ADMINISTRATOR, ADMINISTRATOR]));
        assert!(!granted(&["vestibule-other"]) && !granted(&["Vestibule-Admin"]));
    }

    fn application(roles: &[String], sign_up_roles: &[String]) -> application::Model {
        let list = |items: &[String]| entity::StringList(items.to_vec());
        let none = || entity::StringList::default();
        application::Model {
            id: uuid::Uuid::nil(),
            client_id: String::new(),
            name: String::new(),
            allowed_redirect_urls: none(),
            allowed_origins: none(),
            roles: list(roles),
            sign_up_roles: list(sign_up_roles),
            default_role: sign_up_roles.first().cloned().unwrap_or_default(),
            allowed_custom_claims: none(),
            allowed_template_options: none(),
            password_in_reset_request_allowed: false,
            access_token_ttl: 900,
            refresh_token_ttl: 900,
            disabled_at: None,
            created_at: chrono::DateTime::default(),
            updated_at: chrono::DateTime::default(),
        }
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-cA-C]|vestibule-admin|\\PC{1,3}", 0..6)
    }

    proptest! {
        #[test]
        fn a_sign_up_gets_no_role_that_is_not_offered(
            offered in names(), wanted in proptest::option::of(names()), default in proptest::option::of("[a-cA-C]"),
        ) {
            let application = application(&offered, &offered);
            let mut issues = Issues::default();
            let roles = at_sign_up(&application, wanted.clone(), default, &mut issues);
            let all_offered = wanted.unwrap_or_default().iter().all(|role| offered.contains(role));
            if issues.none().is_ok() {
                prop_assert!(all_offered);
                prop_assert!(roles.all.iter().all(|role| offered.contains(role)));
                prop_assert!(roles.all.contains(&roles.default));
            }
        }

        #[test]
        fn a_mail_grants_no_role_that_is_offered_no_more(offered in names(), all in names(), default in "[a-cA-C]") {
            prop_assume!(!offered.is_empty());
            let application = application(&offered, &offered);
            let roles = once_answered(&application, Roles { all, default });
            prop_assert!(roles.all.iter().all(|role| offered.contains(role)));
            prop_assert!(roles.all.contains(&roles.default));
        }
    }
}
