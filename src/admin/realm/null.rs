//! What null means where an administrator changes a setting: it empties a list that may be empty, and is refused elsewhere.

use async_graphql::MaybeUndefined;

use crate::error::Issue;
use crate::value::Issues;

/// The list, where one is given; null is an empty one.
pub fn list<T>(given: MaybeUndefined<Vec<T>>) -> Option<Vec<T>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(Vec::new()),
        MaybeUndefined::Value(list) => Some(list),
    }
}

/// The value, where one is given; a null is noted.
pub fn never<T>(path: &'static str, given: MaybeUndefined<T>, issues: &mut Issues) -> Option<T> {
    if given.is_null() {
        refuse(path, issues);
    }
    given.take()
}

pub fn refuse(path: &'static str, issues: &mut Issues) {
    issues.push(Issue::new(path, "required", "This cannot be null."));
}
