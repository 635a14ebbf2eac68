//! What memory forgets, and when.

use super::*;

#[derive(Debug)]
struct Somebody(Uuid, Uuid);

impl Remembered for Somebody {
    fn session(&self) -> Uuid {
        self.0
    }

    fn user(&self) -> Uuid {
        self.1
    }

    fn ends_at(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn octets(&self) -> u64 {
        ROW
    }
}

const NOW: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;
const LONG: Duration = Duration::from_secs(3_600);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn change(position: i64, session: Option<u128>, user: Option<u128>) -> Change {
    Change {
        id: position,
        position,
        session: session.map(id),
        user: user.map(id),
    }
}

const SERVER: &str = "a server";

fn news(horizon: i64, changes: &[Change]) -> News {
    News {
        from: 100,
        horizon: Some((horizon, SERVER.to_owned())),
        changes: changes.to_vec(),
    }
}

/// Sessions 1 and 2 are user 10's, session 3 is user 30's.
fn keep_three(memory: &Memory<Somebody>, edition: u64) {
    let three = [(1, 10), (2, 10), (3, 30)];
    let three = three.map(|(session, user)| Some(Arc::new(Somebody(id(session), id(user)))));
    memory.keep(edition, &three);
}

fn with_three(lease: Duration) -> Memory<Somebody> {
    let memory = Memory::new(lease);
    memory.hear(Instant::now(), news(100, &[]));
    keep_three(&memory, memory.edition());
    memory
}

fn known(memory: &Memory<Somebody>) -> Vec<u128> {
    let is_known = |session: &u128| memory.find(id(*session), NOW).is_some();
    [1, 2, 3].into_iter().filter(is_known).collect()
}

#[test]
fn nothing_is_remembered_before_it_is_known_from_where_changes_are_read() {
    let memory = Memory::new(LONG);
    keep_three(&memory, memory.edition());
    assert!(known(&memory).is_empty());
    assert!(matches!(memory.recall(id(1), NOW), Recalled::Stale));
    assert_eq!(memory.position(), i64::MAX);
    memory.hear(Instant::now(), news(100, &[]));
    assert_eq!(memory.position(), 100);
    assert!(matches!(memory.recall(id(1), NOW), Recalled::Unknown));
    keep_three(&memory, memory.edition());
    assert!(matches!(memory.recall(id(1), NOW), Recalled::Known(_)));
}

#[test]
fn an_answer_counts_for_the_lease_from_the_beginning_of_its_question() {
    let memory = with_three(LONG);
    assert!(matches!(memory.recall(id(3), NOW), Recalled::Known(_)));
    assert!(memory.has_heard());
    let strict = with_three(Duration::ZERO);
    assert!(matches!(strict.recall(id(3), NOW), Recalled::Stale));
    assert!(!strict.has_heard());
    // A slow answer to an old question does not make the memory older, nor younger.
    let memory = with_three(Duration::from_millis(50));
    let long_ago = Instant::now();
    std::thread::sleep(Duration::from_millis(60));
    memory.hear(long_ago, news(101, &[]));
    assert!(matches!(memory.recall(id(3), NOW), Recalled::Stale));
    assert!(!memory.has_heard());
}

#[test]
fn whom_a_change_is_about_is_forgotten() {
    let memory = with_three(LONG);
    memory.hear(Instant::now(), news(102, &[change(101, Some(3), None)]));
    assert_eq!(known(&memory), [1, 2]);
    memory.hear(Instant::now(), news(103, &[change(102, None, Some(10))]));
    assert!(known(&memory).is_empty());
    let memory = with_three(LONG);
    memory.hear(Instant::now(), news(102, &[change(101, None, None)]));
    assert!(known(&memory).is_empty());
}

#[test]
fn who_was_read_before_a_change_was_heard_of_is_not_remembered() {
    let memory = with_three(LONG);
    let edition = memory.edition();
    memory.hear(Instant::now(), news(102, &[change(101, Some(3), None)]));
    keep_three(&memory, edition);
    assert_eq!(known(&memory), [1, 2]);
    keep_three(&memory, memory.edition());
    assert_eq!(known(&memory), [1, 2, 3]);
}

#[test]
fn a_change_past_the_horizon_is_heard_again_and_counts_once() {
    let memory = with_three(LONG);
    // 105 is there, and 104 is still under way.
    memory.hear(Instant::now(), news(104, &[change(105, Some(1), None)]));
    assert_eq!(known(&memory), [2, 3]);
    keep_three(&memory, memory.edition());
    let both = [change(105, Some(1), None), change(104, Some(2), None)];
    memory.hear(Instant::now(), news(106, &both));
    assert_eq!(known(&memory), [1, 3]);
    assert_eq!(memory.position(), 106);
}

#[test]
fn answers_that_overtake_each_other_lose_nothing() {
    let memory = with_three(LONG);
    let (first, second) = (Instant::now(), Instant::now());
    memory.hear(second, news(110, &[change(105, Some(1), None)]));
    memory.hear(first, news(104, &[change(103, Some(2), None)]));
    assert_eq!(known(&memory), [3]);
    assert_eq!(memory.position(), 110);
}

#[test]
fn another_server_in_the_place_of_this_one_is_known_by_its_name() {
    let memory = with_three(LONG);
    let other = News {
        from: 100,
        horizon: Some((140, "another server".to_owned())),
        changes: Vec::new(),
    };
    let edition = memory.edition();
    assert!(memory.hear(Instant::now(), other));
    keep_three(&memory, edition);
    assert!(known(&memory).is_empty());
    assert_eq!(memory.position(), 140);
}

#[test]
fn an_answer_that_read_from_further_on_than_what_is_known_does_not_count() {
    let memory = with_three(LONG);
    // Two first questions: this one was answered after the one that counted.
    let first = News {
        from: i64::MAX,
        ..news(110, &[])
    };
    assert!(!memory.hear(Instant::now(), first));
    assert_eq!(memory.position(), 100);
    memory.hear(Instant::now(), news(110, &[change(105, Some(1), None)]));
    assert_eq!(known(&memory), [2, 3]);
}

#[test]
fn changes_with_one_position_are_told_apart() {
    let memory = with_three(LONG);
    let of = |id, session| Change {
        id,
        ..change(120, Some(session), None)
    };
    memory.hear(Instant::now(), news(110, &[of(7, 1)]));
    assert_eq!(known(&memory), [2, 3]);
    memory.hear(Instant::now(), news(110, &[of(7, 1), of(8, 2)]));
    assert_eq!(known(&memory), [3]);
}

#[test]
fn who_takes_much_room_takes_the_room_of_many() {
    #[derive(Debug)]
    struct Large(Uuid);
    impl Remembered for Large {
        fn session(&self) -> Uuid {
            self.0
        }

        fn user(&self) -> Uuid {
            self.0
        }

        fn ends_at(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn octets(&self) -> u64 {
            ROOM / 4
        }
    }
    let memory = Memory::new(LONG);
    memory.hear(Instant::now(), news(100, &[]));
    let many = (0..100).map(|number| Some(Arc::new(Large(id(number)))));
    memory.keep(memory.edition(), &many.collect::<Vec<_>>());
    assert!(memory.known.weight() <= ROOM);
}

#[test]
fn too_many_changes_are_a_change_of_everybody_and_a_pause() {
    let memory = with_three(LONG);
    let many: Vec<_> = (0..=MOST as u128)
        .map(|n| change(101, Some(1_000 + n), None))
        .collect();
    let many: Vec<_> = (0..)
        .zip(many)
        .map(|(id, change)| Change { id, ..change })
        .collect();
    memory.hear(Instant::now(), news(102, &many));
    keep_three(&memory, memory.edition());
    assert!(known(&memory).is_empty());
    assert!(matches!(memory.recall(id(1), NOW), Recalled::Unknown));
    memory.heard().paused_until = Some(Instant::now());
    keep_three(&memory, memory.edition());
    assert_eq!(known(&memory), [1, 2, 3]);
}

#[test]
fn a_session_that_has_run_out_is_not_known_and_a_database_without_a_log_makes_nobody_known() {
    let memory = with_three(LONG);
    let end = DateTime::UNIX_EPOCH;
    assert!(memory.find(id(1), end).is_none());
    assert!(matches!(memory.recall(id(1), end), Recalled::Unknown));
    let memory = Memory::new(LONG);
    memory.hear(Instant::now(), News::default());
    keep_three(&memory, memory.edition());
    assert!(known(&memory).is_empty());
    assert!(matches!(memory.recall(id(1), NOW), Recalled::Unknown));
}
