//! Lists that a statement is given, for many at a time.

use super::together::MOST;

/// Lengths of a list that is [`padded`]: the powers of two up to the longest. Few lengths are few statements to prepare.
pub const LENGTHS: usize = MOST.ilog2() as usize + 1;

/// The last one again, up to the next power of two.
pub fn padded<T: Clone>(items: &[T]) -> Vec<T> {
    let places = items.len().next_power_of_two();
    let more = items.last().into_iter().cycle().take(places - items.len());
    items.iter().chain(more).cloned().collect()
}
