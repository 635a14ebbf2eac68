//! An instance is told to stop while people come and go.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::{job, verification};
use sea_orm::EntityTrait;
use vestibule::ticket::digest_of;

use super::visitor::{Crowd, Visitor, require_verification};
use super::{database, shared};
use crate::harness::program::Program;

const VISITORS: usize = 12;
/// Answers before it is told to stop, so that every kind is under way.
const SOME: usize = 80;

on_both_databases! {
    async fn nothing_that_was_acknowledged_is_lost_and_the_end_is_a_good_one(backend: Backend) {
        let (database, url) = database(backend).await;
        let settings = shared(&url);
        let mut program = Program::serve(&settings).await;
        let address = program.address;
        require_verification(address, false).await;
        let mut visitors = Vec::new();
        for number in 0..VISITORS {
            visitors.push(Visitor::arrive(address, number).await);
        }
        require_verification(address, true).await;
        let crowd = Arc::new(Crowd::default());
        let staying: Vec<_> = visitors
            .into_iter()
            .map(|mut visitor| {
                let crowd = Arc::clone(&crowd);
                tokio::spawn(async move {
                    let stayed = visitor.stay(address, crowd).await;
                    (visitor, stayed)
                })
            })
            .collect();
        crowd.goes_on(SOME).await;
        program.terminate();
        let mut visitors = Vec::new();
        for visitor in staying {
            let (visitor, stayed) = visitor.await.expect("a visitor does not panic");
            // Either nobody was there any more, or another visitor had found that out.
            if let Err(failure) = stayed {
                let gone = ["refused", "reset", "Broken pipe", "no whole answer: "];
                assert!(gone.iter().any(|gone| failure.contains(gone)), "{failure}");
                assert!(!failure.contains("HTTP/1.1"), "an answer that was cut off: {failure}");
            }
            visitors.push(visitor);
        }
        assert_eq!(program.ended().await.code(), Some(0), "{}", program.output());

        let again = Program::serve(&settings).await;
        for visitor in &mut visitors {
            let session = visitor.refresh(again.address).await.expect("the session goes on");
            assert_eq!(session["user"]["id"].as_str(), Some(visitor.user_id.as_str()));
            let me = visitor.me(again.address).await.expect("the access token is good");
            let name = me["displayName"].as_str().unwrap_or_default();
            assert!(
                visitor.name[0].is_empty() || visitor.name.iter().any(|known| known == name),
                "{name}: {:?}", visitor.name
            );
        }
        let db = database.connect().await;
        let kept = verification::Entity::find().all(&db).await.expect("the verifications");
        let jobs = job::Entity::find().all(&db).await.expect("the outbox");
        let mails: HashSet<_> = jobs.iter().filter_map(|job| job.task["verification"].as_str()).collect();
        let kept: HashMap<_, _> = kept.into_iter().map(|row| (row.handle_digest, (row.email, row.id))).collect();
        let acknowledged: Vec<_> = visitors.iter().flat_map(|visitor| &visitor.pending).collect();
        assert!(!acknowledged.is_empty());
        // Each by itself: one that was lost is not made up for by one that nobody was told of.
        for (email, handle) in acknowledged {
            let (known, _) = kept.get(&digest_of(handle)).unwrap_or_else(|| panic!("{email} is lost"));
            assert_eq!(known, email);
        }
        // Each with its mail, sent or still to be sent; those that were not acknowledged, too.
        assert_eq!(jobs.len(), kept.len());
        for (email, id) in kept.values() {
            assert!(mails.contains(id.to_string().as_str()), "no mail to {email}");
        }
        db.close().await.expect("a closed connection");
    }
}
